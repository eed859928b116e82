#pragma once
#include "runtime/base/time.hpp"
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

namespace forerun::provenance {

/// What `durations` tells. Without any all of it is 0.
struct duration_summary {
  std::uint64_t count = 0;
  nanos min{0};
  nanos mean{0};
  nanos p50{0}; ///< Quantiles are at most a sixteenth too large and never too small.
  nanos p90{0};
  nanos p99{0};
  nanos max{0};
  /// How many took less than 2^(n+1) ns, and not less than 2^n; those of 0 ns are with n = 0. Ends behind the
  /// last that is not 0.
  std::vector<std::uint64_t> octaves;

  bool operator==(const duration_summary&) const = default;
};

/// How long something took, over and over: counts on a logarithmic scale with sixteen steps in each octave,
/// so that a quantile is at most a sixteenth too large and never too small. 8 KiB. One thread.
class durations {
public:
  static constexpr std::size_t octaves = 63;

  /// Below 0 counts as 0.
  void add(nanos time) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
    ++steps_[step_of(value)];
    ++count_;
    sum_ += static_cast<double>(value);
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
  }

  std::uint64_t count() const { return count_; }
  nanos min() const { return as_nanos(count_ == 0 ? 0 : min_); }
  nanos max() const { return as_nanos(max_); }
  nanos mean() const {
    const auto mean = count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
    return nanos{std::min(static_cast<std::int64_t>(std::min(mean, 9e18)), max().count())};
  }
  /// So long or shorter took that share of them, 0 to 1.
  nanos quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t step = 0; step < steps_.size(); ++step) {
      seen += steps_[step];
      if (seen > wanted || seen == count_)
        return as_nanos(std::clamp(last_of(step), count_ == 0 ? 0 : min_, max_));
    }
    return max();
  }
  duration_summary summary() const {
    return {count_, min(), mean(), quantile(0.5), quantile(0.9), quantile(0.99), max(), by_octave()};
  }

private:
  std::vector<std::uint64_t> by_octave() const {
    std::vector<std::uint64_t> out(octaves);
    for (std::size_t step = 0; step < steps_.size(); ++step) {
      const auto octave = static_cast<std::size_t>(std::bit_width(last_of(step)));
      out[octave == 0 ? 0 : octave - 1] += steps_[step];
    }
    while (!out.empty() && out.back() == 0)
      out.pop_back();
    return out;
  }

  static constexpr unsigned step_bits = 4;
  static constexpr std::uint64_t exact = std::uint64_t{1} << step_bits; ///< Below, each value is a step.

  static std::size_t step_of(std::uint64_t value) {
    if (value < exact)
      return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - step_bits - 1;
    return (std::size_t{shift} << step_bits) + (value >> shift);
  }
  /// The largest value of a step.
  static std::uint64_t last_of(std::size_t step) {
    if (step < exact)
      return step;
    const auto shift = (step >> step_bits) - 1;
    return ((exact + step % exact + 1) << shift) - 1;
  }
  static nanos as_nanos(std::uint64_t value) { return nanos{static_cast<std::int64_t>(value)}; }

  std::array<std::uint64_t, (octaves - step_bits + 1) << step_bits> steps_{};
  std::uint64_t count_ = 0;
  double sum_ = 0;
  std::uint64_t min_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t max_ = 0;
};

} // namespace forerun::provenance
