#pragma once
#include "runtime/base/block_set.hpp"
#include "runtime/base/disk.hpp"
#include "runtime/base/extent.hpp"
#include "runtime/base/result.hpp"
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

/// What a volume's overlay holds of a block.
enum class block_state : std::uint8_t {
  absent = 0, ///< Nothing: the block is the image's (or zeroes).
  data = 1,
  zero = 2, ///< Trimmed or zeroed.
};

struct overlay_options {
  std::uint64_t volume_bytes = 0;
  std::uint64_t volume_id = 0;          ///< A map of another volume is refused.
  std::uint64_t data_bytes_max = ~0ull; ///< Space for written blocks; past it writes fail with `no_space`.
};

/// A volume's own blocks: a sparse data file in which block b lies at b * 4096, and a map of which blocks it
/// has. docs/formats/overlay.md describes both files. Reads and `state` take no lock and may run beside
/// everything; writes of overlapping ranges are ordered here; `flush` may be called from any thread and joins
/// with others.
///
/// Durability: data is in the file before its block says `data`; `flush` syncs the data strictly before the
/// map that names it. After a crash a flushed block reads back, and any other block reads as what it held at
/// the last flush or, in whole 512-byte sectors, as what was written to it since.
class overlay {
public:
  /// Opens `NAME.data` and `NAME.map`, or makes them. Errors: `corrupt` when the map is damaged anywhere but
  /// at its torn end (an overlay is never discarded in silence), `unsupported` for a later format,
  /// `io_failed`.
  static result<std::unique_ptr<overlay>> open(disk& where, const std::string& name,
                                               const overlay_options& options);
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

  /// Everything that was acknowledged before the call survives a crash after it. After a failure nothing is
  /// promised of what was written since the last flush that went well, and all later calls fail with
  /// `io_failed` until the overlay is opened anew: a kernel forgets what it could not write (fsyncgate,
  /// 2018).
  result<void> flush();
  /// Flushes and notes that the end of the map is whole, so that damage to it is not taken for a crash.
  result<void> close();

  std::uint64_t data_bytes() const { return data_blocks_.load(std::memory_order_relaxed) * block_bytes; }
  std::uint64_t blocks() const { return blocks_; }
  /// Bytes of a torn end that `open` found in the map and left out: a flush that was not acknowledged.
  std::uint64_t cut_bytes() const { return cut_bytes_; }

private:
  static constexpr unsigned per_word = 32;
  static constexpr std::size_t stripes = 64;

  struct run {
    std::uint64_t first = 0;
    std::uint32_t count = 0;
    block_state to{};
  };

  overlay(disk& where, std::string name, const overlay_options& options);
  result<void> recover();
  result<void> replay(std::span<const std::byte> map);
  std::vector<run> runs_of(const block_set* dirty) const;
  result<void> append(std::span<const run> runs, bool clean);
  result<void> rewrite_map();
  void set(std::uint64_t block, block_state to);
  result<void> make_room(extent where);
  result<void> flush_round();

  /// Locks the stripes of a range, in order.
  class range_lock;

  disk& disk_;
  const std::string name_;
  const overlay_options options_;
  const std::uint64_t blocks_;
  std::unique_ptr<disk_file> data_;
  std::unique_ptr<disk_file> map_;
  zero_pages<std::atomic<std::uint64_t>> states_;
  std::atomic<std::uint64_t> data_blocks_{0};
  mutable std::array<std::mutex, stripes> stripes_;

  std::mutex dirty_mutex_;
  block_set dirty_; ///< Blocks whose state changed since the map was last written.

  std::mutex flush_mutex_;
  std::condition_variable flushed_;
  std::uint64_t rounds_begun_ = 0;
  std::uint64_t rounds_done_ = 0;
  bool flushing_ = false;
  std::uint64_t map_bytes_ = 0;   ///< Good bytes of the map file.
  std::uint64_t map_batches_ = 0; ///< Their sequence goes on from here.
  std::uint64_t map_runs_ = 0;    ///< In the file; when most are outdated it is rewritten.
  std::uint64_t cut_bytes_ = 0;
  std::atomic<bool> broken_{false};
};

} // namespace forerun::store
