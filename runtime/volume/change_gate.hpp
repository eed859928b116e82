#pragma once
#include "runtime/volume/epochs.hpp"
#include <functional>
#include <mutex>
#include <vector>

namespace forerun::volume {

/// Tells when all that was changed on a volume by some moment has been recorded. Changes of one I/O thread
/// are recorded in the order in which they were answered, and each one that begins is recorded once.
class change_gate {
public:
  using counts = std::array<std::uint64_t, io_threads_max>;

  /// I/O thread: a request that changes something begins.
  void begun(nbd::io_slot slot) { begun_[slot.value].value.fetch_add(1, std::memory_order_relaxed); }
  /// Any thread. Whoever was told the answer of a change finds it counted here.
  counts begun_by_now() const;
  /// Any thread: so many more changes of that I/O thread are on record. Runs what waited for them.
  void recorded(nbd::io_slot slot, std::uint64_t changes);
  /// Runs `then` once, here or in `recorded`, when as many changes of each I/O thread are on record. What was
  /// answered before `awaited` was counted is among them: of as many, counted in order of their answers.
  /// Those who wait are bounded by the requests that clients may have open.
  void when_recorded(const counts& awaited, std::function<void()> then);

private:
  struct waiting {
    counts awaited{};
    std::function<void()> then;
  };
  struct alignas(64) padded {
    std::atomic<std::uint64_t> value{0};
  };
  bool open_for(const counts& awaited) const;

  std::array<padded, io_threads_max> begun_{};
  std::mutex mutex_;
  counts recorded_{};
  std::vector<waiting> waiting_;
};

} // namespace forerun::volume
