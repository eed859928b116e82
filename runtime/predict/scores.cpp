#include "runtime/predict/scores.hpp"
#include <algorithm>
#include <cmath>

namespace forerun::predict {
namespace {

constexpr double unit_max = 1e100;
constexpr double sure_max = 0.999; ///< So that one surprise is no infinite loss.

} // namespace

scores::scores(double memory) : growth_(memory > 0 ? 1 + 1 / memory : 1) {
}

void scores::settle(float said, bool used) {
  const auto p = std::clamp(static_cast<double>(said), 0.0, 1.0);
  const auto truth = used ? 1.0 : 0.0;
  unit_ *= growth_;
  if (unit_ > unit_max) {
    for (auto& one : bins_)
      one = {one.count / unit_, one.said / unit_, one.used / unit_};
    squares_ /= unit_;
    logs_ /= unit_;
    unit_ = 1;
  }
  auto& into = bins_[std::min(static_cast<std::size_t>(p * score_bins), score_bins - 1)];
  into.count += unit_;
  into.said += unit_ * p;
  into.used += unit_ * truth;
  squares_ += unit_ * (p - truth) * (p - truth);
  logs_ -= unit_ * std::log(std::clamp(used ? p : 1 - p, 1 - sure_max, sure_max));
  ++count_;
  used_ += used;
}

void scores::merge(const scores& other) {
  const auto scale = unit_ / other.unit_;
  for (std::size_t at = 0; at < score_bins; ++at) {
    bins_[at].count += scale * other.bins_[at].count;
    bins_[at].said += scale * other.bins_[at].said;
    bins_[at].used += scale * other.bins_[at].used;
  }
  squares_ += scale * other.squares_;
  logs_ += scale * other.logs_;
  count_ += other.count_;
  used_ += other.used_;
}

double scores::weight() const {
  double sum = 0;
  for (const auto& one : bins_)
    sum += one.count;
  return sum;
}

double scores::calibration_error() const {
  if (count_ == 0)
    return 0;
  double wrong = 0;
  for (const auto& one : bins_)
    wrong += std::abs(one.said - one.used);
  return wrong / weight();
}

double scores::brier() const {
  return count_ == 0 ? 0 : squares_ / weight();
}

double scores::log_loss() const {
  return count_ == 0 ? 0 : logs_ / weight();
}

std::array<scores::bin, score_bins> scores::bins() const {
  auto out = bins_;
  for (auto& one : out)
    one = {one.count / unit_, one.said / unit_, one.used / unit_};
  return out;
}

} // namespace forerun::predict
