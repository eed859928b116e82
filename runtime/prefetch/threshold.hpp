#pragma once
#include "runtime/base/time.hpp"
#include <cstdint>

namespace forerun::prefetch {

/// What happened in one period, as the feedback loop sees it.
struct feedback {
  nanos period{0};                 ///< Its length.
  nanos stall{0};                  ///< Time in it during which some read waited for the origin.
  std::uint64_t moved_blocks = 0;  ///< Prefetched in it.
  std::uint64_t wasted_blocks = 0; ///< Counted as waste in it.
};

struct threshold_limits {
  float start = 0.5f;
  float min = 0.3f;         ///< The operator's floor: never prefetch below it.
  float max = 0.95f;        ///< The operator's ceiling: the surest predictions are always worth it.
  float stall_high = 0.02f; ///< Share of time; more is a high latency,
  float stall_low = 0.002f; ///< less a low one. What lies between changes nothing.
  float waste_max = 0.1f;   ///< Of what was moved.
  float load_max = 0.8f;    ///< Of the path, by demand.
  float step_max = 0.05f;   ///< Per period, in either direction.
};

/// The probability from which a prediction is carried out: a high latency lowers it, a low one raises it
/// (seed 000, 4), and so do waste and the volume's load (seed 002). What is seen is smoothed over some
/// periods, and each time the direction changes the next steps are half as long, until it goes one way again
/// (Riedmiller and Braun, ICNN 1993): so it comes to rest even where a little less or more prefetch makes all
/// the difference.
class threshold {
public:
  explicit threshold(const threshold_limits& limits) : limits_(limits), value_(limits.start) {}
  /// `load`: share of the path that demand alone took in the period, 0 to 1.
  void update(const feedback& seen, float load);
  float value() const { return value_; }

private:
  float push() const;

  threshold_limits limits_;
  float value_;
  float stall_ = 0, waste_ = 0, load_ = 0; ///< Smoothed.
  float reach_ = 1;                        ///< Of `step_max`.
  bool upwards_ = false;                   ///< The last step.
  bool moving_ = false;                    ///< Something was prefetched of late.
};

} // namespace forerun::prefetch
