#include "runtime/predict/neighbourhood_features.hpp"
#include <algorithm>

namespace forerun::predict {
namespace {

constexpr std::uint32_t region_blocks = neighbourhood_map::region_blocks;
constexpr std::uint64_t sight = 64; ///< Blocks beyond the reach that distances are measured over.

/// 0, 1, 2-3, 4-7, ... up to `last`.
std::uint32_t bucket(std::uint64_t value, std::uint32_t last) {
  return std::min(static_cast<std::uint32_t>(std::bit_width(value)), last);
}

/// Distances, where 0 means that nothing was seen: it becomes the last bucket.
std::uint32_t far_bucket(std::uint32_t distance) {
  return distance == 0 ? 0 : std::min(static_cast<std::uint32_t>(std::bit_width(distance)), 7u);
}

} // namespace

neighbourhood_view::neighbourhood_view(const neighbourhood_map& map, extent read, extent before,
                                       std::uint32_t reach)
    : map_(map), read_(read), before_(before) {
  from_ = read.first - std::min<std::uint64_t>(read.first, reach);
  const auto to = read.end() + reach;
  origin_ = (from_ - std::min(from_, sight)) / 64 * 64;
  const auto words = (to + sight - origin_ + 63) / 64;
  words_.resize(words);
  for (std::uint64_t at = 0; at < words; ++at)
    words_[at] = map.read_bits(origin_ / 64 + at);
  sequential_ = read.first > origin_ && is_read(read.first - 1);

  around_.resize(to - from_);
  std::uint32_t distance = 0, run = 0;
  for (auto block = origin_; block < to; ++block) {
    if (block >= from_) {
      around_[block - from_].below = static_cast<std::uint16_t>(distance);
      around_[block - from_].run_below = static_cast<std::uint16_t>(run);
      if (!is_read(block) && (block < read.first || block >= read.end()))
        unread_.push_back(block);
    }
    if (is_read(block)) {
      run = distance == 1 ? run + 1 : 1;
      distance = 1;
    } else if (distance > 0) {
      ++distance;
    }
  }
  distance = run = 0;
  for (auto block = origin_ + words * 64; block-- > from_;) {
    if (block < to) {
      around_[block - from_].above = static_cast<std::uint16_t>(distance);
      around_[block - from_].run_above = static_cast<std::uint16_t>(run);
    }
    if (is_read(block)) {
      run = distance == 1 ? run + 1 : 1;
      distance = 1;
    } else if (distance > 0) {
      ++distance;
    }
  }
}

std::uint32_t neighbourhood_view::density(std::uint64_t region) const {
  return static_cast<std::uint32_t>(std::popcount(map_.read_bits(region)));
}

feature_list neighbourhood_view::features(std::uint64_t block) const {
  const auto& near = around_[block - from_];
  const bool above = block >= read_.end();
  const auto distance = above ? block - read_.end() + 1 : read_.first - block;
  const auto distance_bucket = bucket(distance, 6);
  const auto length = bucket(read_.count, 7);
  const auto below_bucket = far_bucket(near.below), above_bucket = far_bucket(near.above);
  const auto run_below = bucket(near.run_below, 7), run_above = bucket(near.run_above, 7);

  const auto region = block / region_blocks;
  const auto own = density(region);
  const auto lower = region > 0 ? density(region - 1) : 0;
  const auto upper = density(region + 1);
  const auto fifth = [](std::uint32_t count) {
    return count == 0 ? 0 : count < 8 ? 1 : count < 24 ? 2 : count < 48 ? 3 : 4;
  };
  const auto density_bucket = bucket(own, 7);
  const auto requests = bucket(map_.requests(region), 7);
  const auto requests_near =
      bucket((region > 0 ? map_.requests(region - 1) : 0u) + map_.requests(region + 1), 7);
  const auto* zone = map_.find(block);
  const auto zone_fill = zone ? bucket(zone->blocks, 12) : 0;
  const auto zone_requests = zone ? bucket(zone->all_requests, 12) : 0;

  std::uint32_t nearest = near.below;
  if (near.above != 0 && (nearest == 0 || near.above < nearest))
    nearest = near.above;
  // In how small an aligned line of 16, 32 or 64 blocks the block lies together with the read's near end.
  const auto end = above ? read_.end() - 1 : read_.first;
  const auto line = block / 16 == end / 16 ? 0 : block / 32 == end / 32 ? 1 : block / 64 == end / 64 ? 2 : 3;
  const auto other = above ? read_.first : read_.end() - 1;
  const auto offset = bucket(other % 64 == 0 ? 0 : std::countr_zero(other) + 1, 3);

  const auto size_class = [](std::uint32_t count) {
    return count <= 4 ? count : count < 8 ? 5u : count < 16 ? 6u : count < 32 ? 7u : 8u;
  };
  // Where the read before lies: near below or above by powers of eight, else far.
  const auto gap = read_.first >= before_.end() ? read_.first - before_.end()
                                                : before_.first - std::min(before_.first, read_.end());
  const auto place = (read_.first >= before_.first ? 6u : 0u) + (gap == 0     ? 0u
                                                                 : gap < 8    ? 1u
                                                                 : gap < 64   ? 2u
                                                                 : gap < 512  ? 3u
                                                                 : gap < 4096 ? 4u
                                                                              : 5u);

  const std::array<std::uint32_t, feature_families> one = {
      below_bucket * 8 + run_below,
      above_bucket * 8 + run_above,
      below_bucket * 8 + above_bucket,
      ((above ? 7 : 0) + distance_bucket) * 8 + length,
      static_cast<std::uint32_t>((((above ? 5 : 0) + fifth(lower)) * 5 + fifth(own)) * 5 + fifth(upper)),
      (above ? 13 : 0) + zone_fill,
      distance_bucket * 8 + density_bucket,
      bucket(nearest, 7) * 8 + density_bucket,
      requests * 8 + requests_near,
      zone_requests * 8 + length,
      (zone_fill * 7 + distance_bucket) * 2 + (sequential_ ? 1 : 0),
      (distance_bucket * 8 + requests) * 8 + length,
      static_cast<std::uint32_t>((((above ? 4 : 0) + line) * 4 + offset) * 8) + length,
      run_below * 8 + run_above,
      static_cast<std::uint32_t>(block % 16) * 8 + below_bucket,
      ((above ? 33u : 0u) + static_cast<std::uint32_t>(distance)) * 9 + size_class(read_.count),
      (((above ? 9u : 0u) + size_class(read_.count)) * 12 + place) * 4 + (distance <= 3    ? 0u
                                                                          : distance <= 8  ? 1u
                                                                          : distance <= 16 ? 2u
                                                                                           : 3u),
      (size_class(read_.count) * 9 + size_class(before_.count)) * 7 + distance_bucket,
  };
  feature_list features;
  for (std::size_t at = 0; at < feature_families; ++at)
    features[at] = static_cast<std::uint16_t>(feature_starts[at] + one[at]);
  return features;
}

} // namespace forerun::predict
