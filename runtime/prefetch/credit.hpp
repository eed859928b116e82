#pragma once
#include <algorithm>
#include <cstdint>

namespace forerun::prefetch {

/// Proof of use: an expert may move a few blocks on trust, and more only as what it moved is read. So
/// whatever it believes, waste stays below start + 1 % of the misses + (1/share - 1) of what was used, and
/// goes to zero where nothing can be predicted.
class credit {
public:
  explicit credit(double start) : start_(start), left_(start) {}
  std::uint32_t blocks() const { return left_ < 1 ? 0 : static_cast<std::uint32_t>(left_); }
  void spend(std::uint32_t blocks) { left_ -= blocks; }
  void used(std::uint32_t blocks) { earn(blocks / used_share); }
  void missed(std::uint32_t blocks) { earn(blocks * 0.01); }

private:
  /// Of the moved blocks so many must be read to break even.
  static constexpr double used_share = 0.24;
  static constexpr double factor_max = 64;
  void earn(double blocks) { left_ = std::min(left_ + blocks, start_ * factor_max); }
  double start_;
  double left_;
};

} // namespace forerun::prefetch
