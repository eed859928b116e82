#include "runtime/provenance/distinct.hpp"
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

namespace forerun::provenance {
namespace {

constexpr unsigned rank_bits = 64 - distinct_sketch::index_bits;

/// Ertl's sigma: what the registers that are still empty tell.
double of_empty(double share) {
  if (share == 1)
    return std::numeric_limits<double>::infinity();
  double power = 1, sum = share;
  for (double before = -1; sum != before;) {
    before = sum;
    share *= share;
    sum += share * power;
    power += power;
  }
  return sum;
}

/// Ertl's tau: what the registers that are full tell.
double of_full(double share) {
  if (share == 0 || share == 1)
    return 0;
  double power = 1, sum = 1 - share;
  for (double before = -1; sum != before;) {
    before = sum;
    share = std::sqrt(share);
    power /= 2;
    sum -= (1 - share) * (1 - share) * power;
  }
  return sum / 3;
}

} // namespace

void distinct_sketch::add(std::uint64_t hash) {
  const auto rest = hash << index_bits;
  const auto rank = std::min<unsigned>(static_cast<unsigned>(std::countl_zero(rest)), rank_bits) + 1;
  auto& known = ranks_[hash >> rank_bits];
  known = std::max(known, static_cast<std::uint8_t>(rank));
}

void distinct_sketch::add(const distinct_sketch& other) {
  std::transform(ranks_.begin(), ranks_.end(), other.ranks_.begin(), ranks_.begin(),
                 [](auto a, auto b) { return std::max(a, b); });
}

std::uint64_t distinct_sketch::count() const {
  std::array<std::uint32_t, rank_bits + 2> with{}; // Registers, by rank.
  for (const auto rank : ranks_)
    ++with[rank];
  constexpr double all = registers;
  double sum = all * of_full((all - with[rank_bits + 1]) / all);
  for (auto rank = rank_bits; rank >= 1; --rank)
    sum = (sum + with[rank]) / 2;
  sum += all * of_empty(with[0] / all);
  return static_cast<std::uint64_t>(std::llround(all * all / (2 * std::numbers::ln2) / sum));
}

} // namespace forerun::provenance
