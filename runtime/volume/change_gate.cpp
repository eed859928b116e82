#include "runtime/volume/change_gate.hpp"
#include <algorithm>

namespace forerun::volume {

change_gate::counts change_gate::begun_by_now() const {
  counts now;
  for (std::size_t i = 0; i < now.size(); ++i)
    now[i] = begun_[i].value.load(std::memory_order_relaxed);
  return now;
}

bool change_gate::open_for(const counts& awaited) const {
  return std::ranges::equal(awaited, recorded_, std::ranges::less_equal{});
}

void change_gate::recorded(nbd::io_slot slot, std::uint64_t changes) {
  if (changes == 0)
    return;
  std::vector<waiting> ready;
  {
    const std::lock_guard guard{mutex_};
    recorded_[slot.value] += changes;
    const auto late = std::ranges::stable_partition(
        waiting_, [this](const waiting& each) { return !open_for(each.awaited); });
    ready.assign(std::make_move_iterator(late.begin()), std::make_move_iterator(late.end()));
    waiting_.erase(late.begin(), late.end());
  }
  for (const auto& each : ready)
    each.then();
}

void change_gate::when_recorded(const counts& awaited, std::function<void()> then) {
  {
    const std::lock_guard guard{mutex_};
    if (!open_for(awaited)) {
      waiting_.push_back({awaited, std::move(then)});
      return;
    }
  }
  then();
}

} // namespace forerun::volume
