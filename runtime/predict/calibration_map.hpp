#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace forerun::predict {

/// Turns an estimate into the probability that such estimates turned out to have: a histogram of what came
/// true (Zadrozny and Elkan, ICML 2001), learned while it runs and read between the middles of its bins. It
/// starts as the identity. Truth comes late, and what comes true shows much earlier than what does not: so a
/// proposal whose truth is open counts as half a no. A pure value of fixed size.
class calibration_map {
public:
  float said(float estimate) const {
    const auto at = std::clamp(estimate, 0.0f, 1.0f) * steps;
    const auto below = std::min(static_cast<std::size_t>(at), steps - 1);
    const auto part = at - static_cast<float>(below);
    return share(below) * (1 - part) + share(below + 1) * part;
  }
  /// A proposal is made with this estimate. Each is withdrawn, or settled, in the end.
  void open(float estimate) { bin_of(estimate).count += 0.5f; }
  /// It has another estimate now.
  void withdraw(float estimate) {
    auto& it = bin_of(estimate);
    it.count = std::max(0.0f, it.count - 0.5f);
  }
  /// It has waited so long that it will hardly come true.
  void doubt(float estimate) { bin_of(estimate).count += 0.5f; }
  /// Its truth is known. `doubted`: it was told to `doubt` before.
  void settle(float estimate, bool doubted, bool came_true) {
    auto& it = bin_of(estimate);
    it.count += doubted ? 0.0f : 0.5f;
    it.used += came_true ? 1.0f : 0.0f;
    if (it.count > count_max)
      it = {it.count / 2, it.used / 2};
  }

  /// What was learned stays, but counts as little as if it had just been learned.
  void fade() {
    for (auto& it : bins_)
      if (it.count > prior)
        it = {prior, it.used * prior / it.count};
  }

private:
  static constexpr std::size_t steps = 32;
  static constexpr float prior = 16;       ///< Proposals that the identity is worth, in each bin.
  static constexpr float count_max = 2048; ///< At it the older half of a bin is forgotten.
  struct bin {
    float count = 0;
    float used = 0;
  };
  bin& bin_of(float estimate) {
    return bins_[static_cast<std::size_t>(std::lround(std::clamp(estimate, 0.0f, 1.0f) * steps))];
  }
  float share(std::size_t at) const {
    const auto& it = bins_[at];
    return std::min(1.0f, (it.used + prior * static_cast<float>(at) / steps) / (it.count + prior));
  }

  std::array<bin, steps + 1> bins_{};
};

} // namespace forerun::predict
