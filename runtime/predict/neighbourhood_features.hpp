#pragma once
#include "runtime/predict/neighbourhood_map.hpp"
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

/// What the neighbourhood models look at. Used by the models and by their trainer, so that both see the same.
namespace forerun::predict {

/// Families of features. Each is one-hot over crossed power-of-two buckets, so a block has one of each.
inline constexpr std::array<std::uint16_t, 18> feature_sizes = {
    8 * 8,          // Distance to the next read block below, and the length of the run there.
    8 * 8,          // The same above.
    8 * 8,          // Both distances.
    2 * 7 * 8,      // Side, distance from the read, length of the read.
    2 * 5 * 5 * 5,  // Side, density of the region below, the own and the one above.
    2 * 13,         // Side, density of the zone.
    7 * 8,          // Distance, density of the region.
    8 * 8,          // Nearest distance, density of the region.
    8 * 8,          // Requests in the region, in its neighbours.
    13 * 8,         // Requests in the zone, length of the read.
    13 * 7 * 2,     // Fill of the zone, distance, whether the read went on where another ended.
    7 * 8 * 8,      // Distance, requests in the region, length.
    2 * 4 * 4 * 8,  // Side, lines of 16 and of 64 blocks shared with the read, length.
    8 * 8,          // Runs below and above.
    16 * 8,         // Place in the line of 16 blocks, distance below.
    2 * 33 * 9,     // Side, exact distance, length of the read.
    2 * 9 * 12 * 4, // Side, length of read, where the read before ended, distance.
    9 * 9 * 7,      // Lengths of this read and the one before, distance.
};
inline constexpr std::size_t feature_families = feature_sizes.size();

constexpr std::array<std::uint16_t, feature_families + 1> feature_starts = [] {
  std::array<std::uint16_t, feature_families + 1> starts{};
  for (std::size_t at = 0; at < feature_families; ++at)
    starts[at + 1] = static_cast<std::uint16_t>(starts[at] + feature_sizes[at]);
  return starts;
}();
inline constexpr std::size_t feature_count = feature_starts[feature_families];

/// The features of one block: a weight number of each family.
using feature_list = std::array<std::uint16_t, feature_families>;

/// Everything around one read that is the same for all blocks near it.
class neighbourhood_view {
public:
  /// `map` already holds the read. `reach` is how far to look on either side, at most 32.
  neighbourhood_view(const neighbourhood_map& map, extent read, extent before, std::uint32_t reach);

  /// Unread blocks within reach, in ascending order.
  const std::vector<std::uint64_t>& unread() const { return unread_; }
  feature_list features(std::uint64_t block) const;

private:
  struct distances {
    std::uint16_t below = 0, run_below = 0, above = 0, run_above = 0; ///< 0: none in sight.
  };
  bool is_read(std::uint64_t block) const {
    const auto at = block - origin_;
    return (words_[at / 64] >> (at % 64) & 1) != 0;
  }
  std::uint32_t density(std::uint64_t region) const;

  const neighbourhood_map& map_;
  extent read_;
  extent before_;            ///< The read before it.
  std::uint64_t origin_ = 0; ///< Block of the first bit in `words_`.
  std::vector<std::uint64_t> words_;
  std::vector<distances> around_; ///< By block - `from_`.
  std::uint64_t from_ = 0;
  std::vector<std::uint64_t> unread_;
  bool sequential_ = false;
};

} // namespace forerun::predict
