#pragma once
#include "runtime/base/extent.hpp"
#include "runtime/base/result.hpp"
#include "runtime/volume/epochs.hpp"
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace forerun::volume {

/// L1: one shared memory area (memfd) of block-sized slots. A slot's content never changes between `take` and
/// `retire`, so I/O threads send from it without a lock. Any thread.
class pool {
public:
  /// Errors: `no_space` when the memory cannot be had.
  static result<std::unique_ptr<pool>> make(std::uint64_t bytes);
  ~pool();
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;

  /// A slot to fill, or nothing when all are in use: the caller then goes without.
  std::optional<std::uint32_t> take();
  /// The slots are in no block map any more; they come back once no I/O thread can be reading them.
  void retire(std::span<const std::uint32_t> slots, const epochs& readers);
  /// Copies a slot while it cannot be reused, if `still_there` (called under the pool's lock) says that the
  /// block map names it yet. For threads that have no epoch of their own.
  template <class Check>
  bool copy(std::uint32_t slot, std::span<std::byte, block_bytes> into, Check still_there) {
    std::lock_guard guard{mutex_};
    if (!still_there())
      return false;
    std::memcpy(into.data(), at(slot).data(), block_bytes);
    return true;
  }
  /// A slot that was taken and never published.
  void put_back(std::uint32_t slot);

  std::span<std::byte, block_bytes> at(std::uint32_t slot) const {
    return std::span<std::byte, block_bytes>{memory_ + std::size_t{slot} * block_bytes, block_bytes};
  }
  std::uint32_t slots() const { return slots_; }
  /// Slots that `take` can give at once, retired ones that are free by now included.
  std::uint32_t available(const epochs& readers);

private:
  pool(int fd, std::byte* memory, std::uint32_t slots);
  void reclaim(const epochs& readers);

  struct limbo {
    epochs::moment since;
    std::vector<std::uint32_t> slots;
  };

  int fd_;
  std::byte* memory_;
  std::uint32_t slots_;
  std::mutex mutex_;
  std::vector<std::uint32_t> free_;
  std::uint32_t unused_ = 0; ///< Slots from here on were never taken: their memory is not touched yet.
  std::deque<limbo> limbo_;  ///< At most one entry for each retire call; emptied as I/O threads move on.
  const epochs* readers_ = nullptr;
};

} // namespace forerun::volume
