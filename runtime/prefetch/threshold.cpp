#include "runtime/prefetch/threshold.hpp"
#include <algorithm>

namespace forerun::prefetch {
namespace {

constexpr float smoothing = 0.3f; ///< Of a period, against those before it.
/// Prefetch that nobody waits for is taken back slowly: what it costs is small beside a read that waits.
constexpr float slowly = 0.1f;
constexpr float stall_full = 0.2f; ///< Of the time beyond the limit: it could hardly be worse.
constexpr float reach_min = 1.0f / 16;
constexpr float reach_growth = 1.2f;

float share(auto part, auto whole) {
  return whole == 0 ? 0.0f : std::min(1.0f, static_cast<float>(part) / static_cast<float>(whole));
}

/// How far a share goes beyond its limit: 0 at it, 1 at all.
float over(float value, float limit) {
  return limit < 1 ? std::max(0.0f, value - limit) / (1 - limit) : 0.0f;
}

} // namespace

float threshold::push() const {
  const auto crowded = over(load_, limits_.load_max);
  const auto costs = over(waste_, limits_.waste_max) + crowded;
  // A read that waits on a path full of demand is not helped by more prefetch.
  if (stall_ > limits_.stall_high)
    return costs - (1 - crowded) * std::min(1.0f, (stall_ - limits_.stall_high) / stall_full);
  return moving_ && stall_ < limits_.stall_low ? costs + slowly : costs;
}

void threshold::update(const feedback& seen, float load) {
  if (seen.period <= nanos{0})
    return;
  const auto smooth = [](float& kept, float news) { kept += smoothing * (news - kept); };
  smooth(stall_, share(seen.stall.count(), seen.period.count()));
  // Waste is told long after the block was moved, so a quiet period may report more waste than movement.
  smooth(waste_, share(seen.wasted_blocks, std::max(seen.moved_blocks, seen.wasted_blocks)));
  smooth(load_, std::clamp(load, 0.0f, 1.0f));
  moving_ = seen.moved_blocks > 0;
  const auto wanted = std::clamp(push(), -1.0f, 1.0f);
  if (wanted == 0)
    return;
  const bool upwards = wanted > 0;
  reach_ = std::clamp(reach_ * (upwards == upwards_ ? reach_growth : 0.5f), reach_min, 1.0f);
  upwards_ = upwards;
  value_ = std::clamp(value_ + wanted * reach_ * limits_.step_max, limits_.min, limits_.max);
}

} // namespace forerun::prefetch
