#include "runtime/predict/neighbourhood_map.hpp"
#include <algorithm>
#include <bit>

namespace forerun::predict {

neighbourhood_map::zone* neighbourhood_map::make(std::uint64_t block) {
  const auto number = block / zone_blocks;
  const auto found = zones_.find(number);
  if (found != zones_.end())
    return found->second.get();
  if (zones_.size() >= zones_max)
    return nullptr;
  return (zones_[number] = std::make_unique<zone>()).get();
}

std::uint64_t neighbourhood_map::read_bits(std::uint64_t region) const {
  const auto* in = find(region * region_blocks);
  return in ? in->read[region % (zone_blocks / region_blocks)] : 0;
}

bool neighbourhood_map::was_asked(std::uint64_t block) const {
  const auto* in = find(block);
  return in && (in->asked[block % zone_blocks / region_blocks] >> (block % region_blocks) & 1) != 0;
}

std::uint8_t neighbourhood_map::requests(std::uint64_t region) const {
  const auto* in = find(region * region_blocks);
  return in ? in->requests[region % (zone_blocks / region_blocks)] : 0;
}

neighbourhood_map::read_effect neighbourhood_map::add_read(extent where) {
  read_effect effect;
  for (auto block = where.first; block < where.end();) {
    auto* in = make(block);
    const auto region = block % zone_blocks / region_blocks;
    const auto end = std::min((block / region_blocks + 1) * region_blocks, where.end());
    if (in) {
      const auto bits = mask(block, end);
      const auto fresh = bits & ~in->read[region];
      effect.fresh += static_cast<std::uint32_t>(std::popcount(fresh));
      in->blocks = static_cast<std::uint16_t>(in->blocks + std::popcount(fresh));
      effect.own += static_cast<std::uint32_t>(std::popcount(fresh & in->own[region]));
      for (auto asked = fresh & in->asked[region]; asked != 0; asked &= asked - 1) {
        ++effect.asked;
        const auto at = region * region_blocks + static_cast<std::uint64_t>(std::countr_zero(asked));
        effect.doubt += static_cast<float>((*in->doubts)[at]) / 255;
      }
      in->read[region] |= bits;
      if (in->requests[region] < 255)
        ++in->requests[region];
      if (block == where.first && in->all_requests < 65535)
        ++in->all_requests;
    }
    block = end;
  }
  return effect;
}

std::uint32_t neighbourhood_map::add_asked(extent where, float doubt, bool own) {
  const auto rounded = static_cast<std::uint8_t>(std::clamp(doubt, 0.0f, 1.0f) * 255);
  std::uint32_t added = 0;
  for (auto block = where.first; block < where.end(); ++block) {
    auto* in = make(block);
    const auto region = block % zone_blocks / region_blocks;
    const auto bit = mask(block, block + 1);
    if (!in || ((in->read[region] | in->asked[region]) & bit) != 0)
      continue;
    if (!in->doubts) {
      in->doubts = std::make_unique<std::array<std::uint8_t, zone_blocks>>();
      ++doubted_;
    }
    in->asked[region] |= bit;
    if (own)
      in->own[region] |= bit;
    (*in->doubts)[block % zone_blocks] = rounded;
    ++added;
  }
  return added;
}

} // namespace forerun::predict
