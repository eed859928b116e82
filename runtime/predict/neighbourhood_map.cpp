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

std::uint8_t neighbourhood_map::requests(std::uint64_t region) const {
  const auto* in = find(region * region_blocks);
  return in ? in->requests[region % (zone_blocks / region_blocks)] : 0;
}

std::uint32_t neighbourhood_map::add_read(extent where, std::uint32_t& asked_before) {
  std::uint32_t fresh = 0;
  asked_before = 0;
  for (auto block = where.first; block < where.end();) {
    auto* in = make(block);
    const auto region = block % zone_blocks / region_blocks;
    const auto region_end = (block / region_blocks + 1) * region_blocks;
    const auto end = std::min(region_end, where.end());
    const auto bits = mask(block, end);
    if (in) {
      const auto fresh_bits = bits & ~in->read[region];
      fresh += static_cast<std::uint32_t>(std::popcount(fresh_bits));
      asked_before += static_cast<std::uint32_t>(std::popcount(fresh_bits & in->asked[region]));
      in->blocks = static_cast<std::uint16_t>(in->blocks + std::popcount(fresh_bits));
      in->read[region] |= bits;
      if (in->requests[region] < 255)
        ++in->requests[region];
      if (block == where.first && in->all_requests < 65535)
        ++in->all_requests;
    }
    block = end;
  }
  return fresh;
}

std::uint32_t neighbourhood_map::add_asked(extent where) {
  std::uint32_t fresh = 0;
  for (auto block = where.first; block < where.end();) {
    auto* in = make(block);
    const auto region = block % zone_blocks / region_blocks;
    const auto end = std::min((block / region_blocks + 1) * region_blocks, where.end());
    if (in) {
      const auto bits = mask(block, end) & ~in->read[region] & ~in->asked[region];
      fresh += static_cast<std::uint32_t>(std::popcount(bits));
      in->asked[region] |= bits;
    }
    block = end;
  }
  return fresh;
}

} // namespace forerun::predict
