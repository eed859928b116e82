#include "runtime/predict/votes.hpp"
#include <algorithm>

namespace forerun::predict {
namespace {

std::uint16_t context(std::uint32_t votes, std::size_t voters, std::uint32_t distance, bool newest) {
  return static_cast<std::uint16_t>(
      (((votes - 1) * votes_expert::voters_max + voters - 1) * votes_expert::window + distance - 1) * 2 +
      (newest ? 1 : 0));
}
static_assert(votes_contexts ==
              votes_expert::voters_max * votes_expert::voters_max * votes_expert::window * 2);

} // namespace

void votes_expert::observe(const mix_request& seen, const replay_log& log, mix_bench& bench) {
  // Only voters whose whole window is past.
  log.find(seen.first, voters_max, window + 1, voters_);
  if (voters_.empty())
    return;
  collect(seen, log);
  std::ranges::stable_sort(candidates_, [](const candidate& a, const candidate& b) {
    return a.votes != b.votes ? a.votes > b.votes : a.distance < b.distance;
  });
  for (const auto& one : candidates_) {
    const auto in_context = context(one.votes, voters_.size(), one.distance, one.newest);
    if (bench.chance(mix_expert::votes, in_context) < bench.walk_min())
      continue;
    for (auto block = one.start; block < one.start + one.count; ++block)
      bench.propose(mix_expert::votes, in_context, block, static_cast<float>(one.distance));
  }
}

void votes_expert::collect(const mix_request& seen, const replay_log& log) {
  candidates_.clear();
  for (std::size_t voter = 0; voter < voters_.size(); ++voter)
    for (std::uint32_t step = 1; step <= window; ++step) {
      const auto& next = log.at(voters_[voter] + step);
      if (next.start == seen.first) // There begins the window of a later voter.
        break;
      const auto known = std::ranges::find(candidates_, next.start, &candidate::start);
      if (known == candidates_.end()) {
        candidates_.push_back({next.start, next.count, 1, step, voter, voter == 0});
        continue;
      }
      known->votes += known->voter != voter;
      known->voter = voter;
      known->distance = std::min(known->distance, step);
    }
}

} // namespace forerun::predict
