#include "runtime/prefetch/forecast_queue.hpp"
#include <algorithm>
#include <numeric>

namespace forerun::prefetch {

void forecast_queue::replace(forecast next) {
  items_.clear();
  head_ = 0;
  taken_ = 0;
  if (next.ranked.size() > limits_.predictions_max)
    next.ranked.resize(limits_.predictions_max);
  items_.reserve(next.ranked.size());
  std::uint32_t rank = 0;
  for (const auto& what : next.ranked) {
    items_.push_back({what, rank});
    rank += what.where.count;
  }
  by_first_.resize(items_.size());
  std::iota(by_first_.begin(), by_first_.end(), 0u);
  std::sort(by_first_.begin(), by_first_.end(),
            [this](auto a, auto b) { return items_[a].what.where.first < items_[b].what.where.first; });
  if (next.switched) {
    careful_ = true;
    allowance_ = static_cast<std::int64_t>(limits_.switch_bytes_max);
  }
}

const forecast_queue::item* forecast_queue::find(std::uint64_t block) const {
  auto after = std::upper_bound(by_first_.begin(), by_first_.end(), block, [this](auto number, auto index) {
    return number < items_[index].what.where.first;
  });
  if (after == by_first_.begin())
    return nullptr;
  const auto& it = items_[*std::prev(after)];
  return it.what.where.contains(block) ? &it : nullptr;
}

void forecast_queue::read(extent where, std::uint32_t first_use_blocks) {
  if (!careful_)
    return;
  // Each block that the new ranking foresaw allows another one; each that had been prefetched is unread no
  // more.
  std::int64_t confirmed = std::min(first_use_blocks, where.count);
  for (auto block = where.first; block < where.end(); ++block)
    confirmed += find(block) != nullptr ? 1 : 0;
  allowance_ += confirmed * block_bytes;
}

std::optional<prediction> forecast_queue::take(const residency& here, const in_flight& flight,
                                               float probability_min, float probability_now,
                                               std::uint32_t blocks_max) {
  blocks_max = std::min(blocks_max, limits_.extent_blocks_max);
  if (careful_)
    blocks_max = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(allowance_ / std::int64_t{block_bytes}, 0, blocks_max));
  if (blocks_max == 0)
    return std::nullopt;
  const auto wanted = [&](std::uint64_t block) {
    return block < here.blocks() && here.absent(block) && !flight.contains(block);
  };
  for (; head_ < items_.size(); ++head_, taken_ = 0) {
    const auto& [what, first_rank] = items_[head_];
    if (what.probability < probability_min)
      continue;
    auto first = what.where.first + taken_;
    while (first < what.where.end() && !wanted(first))
      ++first;
    if (first == what.where.end())
      continue;
    if (what.probability < probability_now)
      return std::nullopt;

    auto taken = what;
    taken.where = {first, 1};
    const auto rank = first_rank + static_cast<std::uint32_t>(first - what.where.first);
    const auto joins = [&](std::uint64_t block) {
      const auto* it = find(block);
      if (it == nullptr || it->what.probability < std::max(probability_min, probability_now))
        return false;
      const auto its_rank = it->rank + static_cast<std::uint32_t>(block - it->what.where.first);
      const auto apart = its_rank > rank ? its_rank - rank : rank - its_rank;
      if (apart > limits_.rank_reach || !wanted(block))
        return false;
      taken.probability = std::min(taken.probability, it->what.probability);
      taken.expected = std::min(taken.expected, it->what.expected);
      return true;
    };
    while (taken.where.count < blocks_max && joins(taken.where.end()))
      ++taken.where.count;
    taken_ = static_cast<std::uint32_t>(std::min(taken.where.end(), what.where.end()) - what.where.first);
    while (taken.where.count < blocks_max && taken.where.first > 0 && joins(taken.where.first - 1)) {
      --taken.where.first;
      ++taken.where.count;
    }
    if (careful_)
      allowance_ -= static_cast<std::int64_t>(taken.where.bytes());
    return taken;
  }
  return std::nullopt;
}

} // namespace forerun::prefetch
