#pragma once
#include <algorithm>
#include <cstdint>

namespace forerun::predict {

/// Notices that what was learned is no longer true: a package was upgraded, a program changed. Page's
/// cumulative sum (Biometrika 41, 1954) of how far outcomes are from their probabilities, beyond what honest
/// probabilities bring: (said - truth)^2 - said (1 - said) has the mean 0 while they are honest, however hard
/// the traffic is to predict, and is nearly 1 for each one that was sure and wrong. A pure value.
class drift_watch {
public:
  /// Alarm when the sum exceeds `bound`: about so many sure and wrong outcomes more than expected.
  explicit drift_watch(float bound) : bound_(bound) {}

  /// True if this outcome is one too many: the rules have changed. The sum then starts again.
  bool settle(float said, bool used) {
    const auto off = said - (used ? 1.0f : 0.0f);
    sum_ = std::max(0.0f, sum_ + off * off - said * (1 - said) - slack);
    if (sum_ <= bound_)
      return false;
    sum_ = 0;
    ++noticed_;
    return true;
  }
  std::uint64_t noticed() const { return noticed_; }

private:
  static constexpr float slack = 0.05f; ///< So much is forgiven each outcome.
  float bound_;
  float sum_ = 0;
  std::uint64_t noticed_ = 0;
};

} // namespace forerun::predict
