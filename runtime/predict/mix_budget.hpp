#pragma once
#include <algorithm>
#include <cstdint>

namespace forerun::predict {

struct mix_budget_limits {
  float threshold = 0.3f;      ///< Least probability to move a block that was read before.
  float threshold_cold = 0.7f; ///< The same for one that never was.
  float credit_start = 64;     ///< Blocks that may be moved on trust.
  float precision_min = 0.24f; ///< Of moved blocks so many must be used, or trust ends.
  float cold_start = 32;       ///< The same for blocks that were never read.
  float cold_precision_min = 0.88f;
  float traffic_max = 1.3f; ///< Blocks moved, of what demand alone would have moved.
};

/// What may be moved ahead, whatever the experts believe. Three accounts, all of which must be in credit:
/// trust in general, trust in guesses about blocks never read before, and the share of traffic. So the waste
/// is at most the starting credit, a share of the misses and a share of what was useful.
class mix_budget {
public:
  explicit mix_budget(const mix_budget_limits& limits)
      : limits_(limits), credit_(limits.credit_start), cold_(limits.cold_start), traffic_(traffic_full) {}

  /// Least probability that is worth a transfer now. It rises while the share of traffic runs out, so that a
  /// scarce budget goes to the surest blocks; above 1: nothing is.
  float threshold(bool cold) const {
    if (credit_ < 1 || traffic_ < 1 || (cold && cold_ < 1))
      return 2;
    const auto base = cold ? std::max(limits_.threshold, limits_.threshold_cold) : limits_.threshold;
    const auto empty = 1 - std::min(1.0f, traffic_ / traffic_full);
    return base + std::max(0.0f, 0.95f - base) * empty * empty;
  }
  /// The least threshold, for how far experts look.
  float base() const { return limits_.threshold; }
  void issued(bool cold) {
    credit_ -= 1;
    traffic_ -= 1;
    if (cold)
      cold_ -= 1;
  }
  void used(bool cold) {
    credit_ = std::min(credit_ + 1 / limits_.precision_min, 64 * limits_.credit_start);
    traffic_ = std::min(traffic_ + limits_.traffic_max, traffic_most);
    if (cold)
      cold_ = std::min(cold_ + 1 / limits_.cold_precision_min, 64 * limits_.cold_start);
  }
  void missed(std::uint32_t blocks) {
    const auto count = static_cast<float>(blocks);
    credit_ = std::min(credit_ + count * 0.01f, 64 * limits_.credit_start);
    cold_ = std::min(cold_ + count * 0.002f, 64 * limits_.cold_start);
    traffic_ = std::min(traffic_ + count * (limits_.traffic_max - 1), traffic_most);
  }

private:
  static constexpr float traffic_full = 1024;
  static constexpr float traffic_most = 16384;

  mix_budget_limits limits_;
  float credit_;
  float cold_;
  float traffic_;
};

} // namespace forerun::predict
