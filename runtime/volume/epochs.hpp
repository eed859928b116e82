#pragma once
#include "runtime/nbd/device.hpp"
#include <array>
#include <atomic>
#include <cstdint>

namespace forerun::volume {

inline constexpr std::size_t io_threads_max = 16;

/// Tells when memory that I/O threads may still be sending from can be used again. A thread's counter is odd
/// while it is in a turn (it may hold pointers) and even while it holds none; memory taken out of the block
/// map is free once every thread was seen even, or has moved on since (epoch-based reclamation, Fraser 2004).
/// The counters here and the words of the block map are sequentially consistent together: a thread that
/// `observe` saw even sees the map without what was withdrawn before.
class epochs {
public:
  /// What the threads were doing when something was taken away.
  using moment = std::array<std::uint64_t, io_threads_max>;

  /// I/O thread: from here it may hold pointers. Cheap when it already may.
  void enter(nbd::io_slot slot) {
    auto& counter = counters_[slot.value].value;
    const auto now = counter.load(std::memory_order_relaxed);
    if (now % 2 == 0)
      counter.store(now + 1, std::memory_order_seq_cst);
  }
  /// I/O thread: it holds no pointer any more.
  void leave(nbd::io_slot slot) {
    auto& counter = counters_[slot.value].value;
    const auto now = counter.load(std::memory_order_relaxed);
    if (now % 2 == 1)
      counter.store(now + 1, std::memory_order_release);
  }
  /// Any thread, after the memory was taken out of the map.
  moment observe() const {
    moment seen;
    for (std::size_t i = 0; i < io_threads_max; ++i)
      seen[i] = counters_[i].value.load(std::memory_order_seq_cst);
    return seen;
  }
  /// True once nobody can hold what was taken away before `then`.
  bool passed(const moment& then) const {
    for (std::size_t i = 0; i < io_threads_max; ++i)
      if (then[i] % 2 == 1 && counters_[i].value.load(std::memory_order_acquire) == then[i])
        return false;
    return true;
  }

private:
  struct alignas(64) padded {
    std::atomic<std::uint64_t> value{0};
  };
  std::array<padded, io_threads_max> counters_{};
};

} // namespace forerun::volume
