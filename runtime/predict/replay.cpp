#include "runtime/predict/replay.hpp"
#include <algorithm>

namespace forerun::predict {
namespace {

constexpr std::size_t earlier_max = 4;
constexpr std::uint64_t distance_min = 64; ///< Nearer repetitions are in the cache anyway.
constexpr std::uint64_t jump_back = 4;
constexpr std::uint64_t jump_ahead = 32;
constexpr std::uint64_t skipped_max = 8;
constexpr std::uint64_t match_max = 4;
constexpr std::uint32_t ahead_requests = 8; ///< Longer is worse: the next requests confirm or refute.
constexpr std::uint32_t ahead_requests_max = 128;

std::uint16_t context(std::uint32_t hits, float accuracy, std::uint64_t distance) {
  const auto proved = hits <= 1 ? 0u : std::min(log_bucket(hits, 6) - 1, 5u);
  const auto right = accuracy < 0.4f ? 0u : accuracy < 0.7f ? 1u : accuracy < 0.9f ? 2u : 3u;
  return static_cast<std::uint16_t>((proved * 4 + right) * 9 + log_bucket(distance, 8));
}

} // namespace

void replay_expert::observe(const mix_request& seen, float lead, mix_bench& bench) {
  ++clock_;
  log_.append(seen.first, seen.count);
  log_.find(seen.first, earlier_max, distance_min, earlier_);
  if (earlier_.empty())
    return;
  auto* with = advance(earlier_);
  if (!with)
    with = spawn(earlier_);
  with->used = clock_;

  const auto ahead = std::min(ahead_requests + static_cast<std::uint32_t>(2 * lead), ahead_requests_max);
  for (std::uint32_t step = 1; step <= ahead && with->position + step < log_.end(); ++step) {
    const auto in_context = context(with->hits, with->accuracy, step);
    if (bench.chance(mix_expert::replay, in_context) < bench.walk_min())
      break;
    const auto& next = log_.at(with->position + step);
    for (auto block = next.start; block < next.start + next.count; ++block)
      bench.propose(mix_expert::replay, in_context, block, static_cast<float>(step));
  }
}

replay_expert::cursor* replay_expert::advance(const std::vector<std::uint64_t>& earlier) {
  cursor* best = nullptr;
  std::uint64_t best_position = 0, best_jump = ~std::uint64_t{0};
  for (auto& one : cursors_)
    for (const auto position : earlier) {
      if (position + jump_back < one.position || position > one.position + jump_ahead)
        continue;
      const auto expected = one.position + 1;
      const auto jump = position >= expected ? position - expected : expected - position;
      if (jump < best_jump) {
        best_jump = jump;
        best = &one;
        best_position = position;
      }
    }
  if (!best)
    return nullptr;
  const auto skipped =
      best_position > best->position + 1 ? std::min(best_position - best->position - 1, skipped_max) : 0;
  for (std::uint64_t at = 0; at < skipped; ++at)
    best->accuracy *= 0.9f;
  best->accuracy += 0.1f * (1 - best->accuracy);
  ++best->hits;
  best->position = std::max(best->position, best_position);
  return best;
}

replay_expert::cursor* replay_expert::spawn(const std::vector<std::uint64_t>& earlier) {
  // Of the places where this was seen before, the one whose past is most like the present.
  auto best = earlier.front();
  std::uint64_t best_match = 0;
  const auto now = log_.end() - 1;
  for (const auto position : earlier) {
    std::uint64_t match = 0;
    while (match < match_max && position > log_.begin() + match && now > log_.begin() + match &&
           log_.at(position - match - 1).start == log_.at(now - match - 1).start)
      ++match;
    if (match > best_match) {
      best_match = match;
      best = position;
    }
  }
  cursor* slot = nullptr;
  if (cursors_.size() < cursors_max) {
    slot = &cursors_.emplace_back();
  } else {
    slot = &*std::min_element(cursors_.begin(), cursors_.end(),
                              [](const cursor& a, const cursor& b) { return a.used < b.used; });
  }
  *slot = {best, clock_, static_cast<std::uint32_t>(best_match), 0.5f};
  return slot;
}

} // namespace forerun::predict
