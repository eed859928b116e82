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
  float load = 0;                  ///< Of what prefetch competes for (link, disk, CPU), 0 to 1.
};

struct threshold_limits {
  float start = 0.5f;
  float min = 0.3f;  ///< The operator's floor: never prefetch below it.
  float max = 0.95f; ///< The operator's ceiling: the surest predictions are always worth it.
  float waste_max = 0.1f;
  float load_max = 0.8f;
  float stall_max = 0.01f; ///< Share of time.
  float step_max = 0.05f;  ///< Per period, in either direction.
};

/// The probability from which a prediction is carried out: stall lowers it, waste and load raise it (seed
/// 000, 4).
class threshold {
public:
  explicit threshold(const threshold_limits& limits) : limits_(limits), value_(limits.start) {}
  void update(const feedback& seen);
  float value() const { return value_; }

private:
  threshold_limits limits_;
  float value_;
};

} // namespace forerun::prefetch
