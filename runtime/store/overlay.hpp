#pragma once
#include "runtime/base/block_set.hpp"
#include "runtime/base/disk.hpp"
#include "runtime/base/extent.hpp"
#include "runtime/base/result.hpp"
#include "runtime/store/overlay_map.hpp"
#include "runtime/store/zero_pages.hpp"
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace forerun::store {

struct overlay_options {
  std::uint64_t volume_bytes = 0;
  std::uint64_t volume_id = 0;          ///< A map of another volume is refused.
  std::uint64_t data_bytes_max = ~0ull; ///< Space for written blocks; past it writes fail with `no_space`.
  /// A map with fewer runs is not worth rewriting. One with more is rewritten when it is four times what the
  /// rewriting before left.
  std::uint64_t rewrite_runs_min = 8192;
};

/// A volume's own blocks: a sparse data file in which block b lies at b * 4096, and a map of which blocks it
/// has. docs/formats/overlay.md describes both files. Reads and `state` take no lock and may run beside
/// everything; writes of overlapping ranges are ordered here; `flush` may be called from any thread and joins
/// with others.
///
/// Durability: data is in the file before its block says `data`; `flush` syncs the data strictly before the
/// map that names it. After a crash a flushed block reads back; any other block reads, each 512-byte sector
/// for itself, as what it held at the last flush or as anything that was written to it since, acknowledged or
/// not.
class overlay {
public:
  /// Opens `NAME.data` and `NAME.map`, or makes them. Errors: `no_space`, `io_failed`; `corrupt` when the map
  /// is damaged anywhere but at its torn end, or a file is missing or too short: an overlay is never
  /// discarded in silence; `unsupported` for a later format. `problem` then says what is wrong and where.
  static result<std::unique_ptr<overlay>>
  open(disk& where, const std::string& name, const overlay_options& options, std::string* problem = nullptr);
  /// Removes both files.
  static result<void> remove(disk& where, const std::string& name);

  block_state state(std::uint64_t block) const {
    const auto word = states_[block / per_word].load(std::memory_order_acquire);
    return static_cast<block_state>(word >> (block % per_word * 2) & 3);
  }

  /// Bytes of blocks that are in state `data`; the range may begin and end inside blocks.
  result<void> read(std::uint64_t offset, std::span<std::byte> into) const;
  /// Whole blocks. Errors: `no_space`, `io_failed`; the blocks may then hold any mix of old and new sectors.
  result<void> write(std::uint64_t first_block, std::span<const std::byte> data);
  /// Part of a block. `base` is the block's content where the overlay has none; empty: zeroes.
  result<void> write_partial(std::uint64_t block, std::uint32_t at, std::span<const std::byte> data,
                             std::span<const std::byte> base);
  /// The blocks read as zeroes from now on, and their space is given back.
  result<void> trim(extent where);

  /// Everything that was acknowledged before the call survives a crash after it. Calls that wait for each
  /// other share a sync. Errors: `no_space` when the map cannot grow: nothing is lost, and a later flush may
  /// go well. `io_failed`: nothing is promised of what was written since the last flush that went well, and
  /// all later flushes fail until the overlay is opened anew, since a kernel forgets what it could not write
  /// and would call the next sync a success (Rebello et al., "Can applications recover from fsync failures?",
  /// ATC 2020).
  result<void> flush();
  /// Flushes and notes that the end of the map is whole, so that damage to it is not taken for a crash. The
  /// overlay may still be used; it is then closed again.
  result<void> close();

  std::uint64_t data_bytes() const { return data_blocks_.load(std::memory_order_relaxed) * block_bytes; }
  std::uint64_t blocks() const { return blocks_; }
  /// Bytes of a torn end that `open` found in the map and left out: a flush that was not acknowledged.
  std::uint64_t cut_bytes() const { return map_->cut_bytes(); }

private:
  static constexpr unsigned per_word = 32;
  static constexpr std::size_t stripes = 64;

  overlay(disk& where, std::string name, const overlay_options& options);
  result<void> recover(std::string& problem);
  result<void> make_data();
  std::vector<map_run> all_runs() const;
  std::vector<map_run> runs_of(const block_set& blocks) const;
  void set(std::uint64_t block, block_state to);
  result<std::uint64_t> reserve(extent where);
  result<void> settle(extent where, std::uint64_t reserved, result<void> written);
  result<void> flush_round(bool closing);
  result<void> write_map(const block_set& changed, bool closing);
  result<void> join_round(bool closing);

  /// Locks the stripes of a range, in order.
  class range_lock;

  disk& disk_;
  const std::string name_;
  const overlay_options options_;
  const std::uint64_t blocks_;
  std::unique_ptr<disk_file> data_;
  std::unique_ptr<overlay_map> map_; ///< Of the round under way.
  zero_pages<std::atomic<std::uint64_t>> states_;
  std::atomic<std::uint64_t> data_blocks_{0}; ///< In state `data`, or about to be.
  std::atomic<bool> unsynced_{false};         ///< The data file was written since its last sync began.
  mutable std::array<std::mutex, stripes> stripes_;

  std::mutex dirty_mutex_;
  block_set dirty_; ///< Blocks whose state changed since the map was last written.

  std::mutex flush_mutex_;
  std::condition_variable flushed_;
  std::uint64_t rounds_begun_ = 0;
  std::uint64_t rounds_done_ = 0;
  std::uint64_t round_good_ = 0; ///< The last one that went well.
  errc round_error_{};           ///< Of the last one that did not.
  bool flushing_ = false;
  bool broken_ = false;
  std::uint64_t rewrite_runs_ = 0; ///< The map is rewritten when it has so many.
};

} // namespace forerun::store
