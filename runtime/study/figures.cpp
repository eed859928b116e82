#include "runtime/study/figures.hpp"
#include <cmath>

namespace forerun::study {

double figures::calibration_error() const {
  double wrong = 0;
  std::uint64_t all = 0;
  for (const auto& bin : calibration) {
    wrong += std::abs(bin.said - static_cast<double>(bin.used));
    all += bin.count;
  }
  return all == 0 ? 0 : wrong / static_cast<double>(all);
}

} // namespace forerun::study
