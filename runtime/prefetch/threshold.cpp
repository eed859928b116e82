#include "runtime/prefetch/threshold.hpp"
#include <algorithm>

namespace forerun::prefetch {

void threshold::update(const feedback& seen) {
  if (seen.period <= nanos{0})
    return;
  const auto share = [](auto part, auto whole) {
    return whole == 0 ? 0.0f : static_cast<float>(part) / static_cast<float>(whole);
  };
  // Waste is told long after the block was moved, so a quiet period may report more waste than movement.
  const auto waste =
      std::min(1.0f, share(seen.wasted_blocks, std::max(seen.moved_blocks, seen.wasted_blocks)));
  const auto stall = std::min(1.0f, share(seen.stall.count(), seen.period.count()));
  const auto over = [](float value, float limit) {
    return limit < 1 ? std::max(0.0f, value - limit) / (1 - limit) : 0.0f;
  };
  const auto push = over(waste, limits_.waste_max) + over(std::min(seen.load, 1.0f), limits_.load_max) -
                    over(stall, limits_.stall_max);
  value_ = std::clamp(value_ + std::clamp(push, -1.0f, 1.0f) * limits_.step_max, limits_.min, limits_.max);
}

} // namespace forerun::prefetch
