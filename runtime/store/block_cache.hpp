#pragma once
#include "runtime/base/disk.hpp"
#include "runtime/base/extent.hpp"
#include "runtime/base/result.hpp"
#include "runtime/store/zero_pages.hpp"
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace forerun::store {

struct block_cache_options {
  std::uint64_t image_bytes = 0;
  std::string validator; ///< Of the origin; a cache of another one is discarded. At most 1024 bytes.
};

/// L2: the clean blocks of one image on local disk, in a sparse file in which block b lies at b * 4096, and a
/// map with a checksum of each. docs/formats/block-cache.md describes both. Every read is checked against it,
/// so that a block that was torn, punched or damaged is never served: it is only fetched again. All of it may
/// be lost at any time. Any thread.
class block_cache {
public:
  /// How the cache was found.
  enum class found : std::uint8_t {
    none,    ///< It is new.
    sound,   ///< Its map could be read; blocks are checked as they are read.
    damaged, ///< The map was unreadable: emptied.
    changed, ///< It was of another origin, or of another version of it: emptied.
  };

  /// Opens `NAME.cache` and `NAME.sums`, or makes them. Errors: `io_failed`, `no_space`.
  static result<std::unique_ptr<block_cache>> open(disk& where, const std::string& name,
                                                   const block_cache_options& options);
  static result<void> remove(disk& where, const std::string& name);

  bool present(std::uint64_t block) const { return sums_[block].load(std::memory_order_acquire) != 0; }
  /// Whole blocks. False when one of them is not there or not sound; unsound ones are dropped. Takes no lock.
  bool read(extent where, std::span<std::byte> into);
  /// Errors: `no_space`, `io_failed`; then none of the blocks is there.
  result<void> put(extent where, std::span<const std::byte> data);
  void drop(extent where);

  /// Writes the map, so that what is there now is found by the next `open`.
  result<void> save();

  found state_found() const { return found_; }
  std::uint64_t bytes() const { return present_.load(std::memory_order_relaxed) * block_bytes; }

private:
  block_cache(disk& where, std::string name, block_cache_options options);
  result<void> load();
  found load_sums();

  disk& disk_;
  const std::string name_;
  const block_cache_options options_;
  const std::uint64_t blocks_;
  std::unique_ptr<disk_file> data_;
  zero_pages<std::atomic<std::uint64_t>> sums_; ///< 0: not there.
  std::atomic<std::uint64_t> present_{0};
  std::mutex save_mutex_;
  found found_ = found::none;
};

} // namespace forerun::store
