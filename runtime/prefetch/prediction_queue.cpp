#include "runtime/prefetch/prediction_queue.hpp"
#include <algorithm>

namespace forerun::prefetch {

std::size_t prediction_queue::size() const {
  std::size_t count = 0;
  for (const auto& tier : tiers_)
    count += tier.size();
  return count;
}

void prediction_queue::add(prediction what, prefetch_tier tier) {
  if (what.where.count == 0)
    return;
  what.where.count = std::min(what.where.count, limits_.prediction_blocks_max);
  auto& queue = of(tier);
  const auto after = queue.upper_bound(what.expected);
  if (after != queue.begin()) {
    auto& last = std::prev(after)->second;
    if (last.expected == what.expected && last.by == what.by && last.detail == what.detail &&
        last.where.end() == what.where.first &&
        last.where.count + std::uint64_t{what.where.count} <= limits_.extent_blocks_max) {
      last.where.count += what.where.count;
      last.probability = std::min(last.probability, what.probability);
      return;
    }
  }
  if (size() >= limits_.predictions_max && !make_room(what.expected, tier))
    return;
  queue.emplace_hint(after, what.expected, what);
}

/// Gives up the least urgent prediction, if that is not the new one.
bool prediction_queue::make_room(instant expected, prefetch_tier tier) {
  ++shed_;
  for (auto lowest = tiers; lowest-- > 0;) {
    auto& queue = tiers_[lowest];
    if (queue.empty())
      continue;
    const auto last = std::prev(queue.end());
    if (lowest < static_cast<std::size_t>(tier) ||
        (lowest == static_cast<std::size_t>(tier) && last->first <= expected))
      return false;
    queue.erase(last);
    return true;
  }
  return false;
}

const prediction* prediction_queue::front(prefetch_tier tier) const {
  const auto& queue = of(tier);
  return queue.empty() ? nullptr : &queue.begin()->second;
}

void prediction_queue::drop_front(prefetch_tier tier) {
  of(tier).erase(of(tier).begin());
}

std::optional<prediction> prediction_queue::take(prefetch_tier tier, instant now, const residency& here,
                                                 const in_flight& flight, std::uint32_t blocks_max) {
  blocks_max = std::min(blocks_max, limits_.extent_blocks_max);
  const auto wanted = [&](std::uint64_t block) {
    return block < here.blocks() && here.absent(block) && !flight.contains(block);
  };
  auto& queue = of(tier);
  while (!queue.empty() && blocks_max > 0) {
    const auto head = queue.begin();
    auto& left = head->second.where;
    const auto end = std::min(left.end(), std::max(here.blocks(), left.first));
    const auto late_max = head->second.by == expert::hint ? limits_.hint_late_max : limits_.late_max;
    if (now > head->first + late_max) {
      ++expired_;
      queue.erase(head);
      continue;
    }
    auto first = left.first;
    while (first < end && !wanted(first))
      ++first;
    auto taken = head->second;
    taken.where = {first, 0};
    while (taken.where.count < blocks_max && taken.where.end() < end && wanted(taken.where.end()))
      ++taken.where.count;
    if (taken.where.end() >= end)
      queue.erase(head);
    else
      left = {taken.where.end(), static_cast<std::uint32_t>(end - taken.where.end())};
    if (taken.where.count > 0)
      return taken;
  }
  return std::nullopt;
}

} // namespace forerun::prefetch
