#include "runtime/predict/mix.hpp"
#include "runtime/predict/mix_around.hpp"
#include <algorithm>
#include <cmath>

namespace forerun::predict {
namespace {

constexpr std::uint32_t levels = 8; ///< With 0 for an expert that says nothing.
constexpr std::uint32_t records = 16;
constexpr std::size_t joint_contexts = levels * levels * levels * records;
constexpr std::size_t record_count = std::size_t{1} << 18;
constexpr std::size_t known_bits = std::size_t{1} << 21;
constexpr std::uint64_t explore_every = 16;
constexpr float lead_max = 128;
constexpr float keep_min = 0.5f;
constexpr std::size_t keep_max = 256;
constexpr std::uint32_t extent_blocks_max = 64;
constexpr std::uint32_t faded_outcomes = 16;

/// Numbers near each other belong together.
constexpr bool are_places(element_kind kind) {
  return kind == element_kind::block || kind == element_kind::image_block || kind == element_kind::page;
}

std::uint64_t hash(std::uint64_t block) {
  return block * 0x9e3779b97f4a7c15u;
}

std::uint32_t level(float p) {
  constexpr std::array bounds = {0.15f, 0.25f, 0.35f, 0.5f, 0.7f, 0.88f};
  return 1 + static_cast<std::uint32_t>(std::ranges::upper_bound(bounds, p) - bounds.begin());
}

/// Adds a number to a short list without repeats; a full list stays as it is.
template <std::size_t size>
void add_once(std::array<std::uint16_t, size>& list, std::uint8_t& count, std::uint16_t value) {
  const auto end = list.begin() + count;
  if (count < size && std::find(list.begin(), end, value) == end)
    list[count++] = value;
}

} // namespace

mix::mix(const mix_limits& limits)
    : limits_(limits), counters_(index(mix_expert::votes, are_places(limits.elements) ? 0 : votes_contexts)),
      joint_(joint_contexts), pending_(std::max<std::size_t>(limits.pending_max, 64)),
      scores_(limits.scores_memory), drift_(limits.drift_bound), plain_(limits.cache_blocks),
      budget_(limits.budget, limits.cache_blocks), replay_(limits.log_requests_max),
      fill_(limits.neighbourhood), life_insertions_(static_cast<float>(limits.cache_blocks)) {
}

std::uint16_t mix::index(mix_expert by, std::uint16_t context) {
  constexpr std::array<std::uint16_t, mix_experts> starts = {
      0, stream_contexts, stream_contexts + replay_contexts,
      stream_contexts + replay_contexts + around_contexts};
  return static_cast<std::uint16_t>(starts[static_cast<std::size_t>(by)] + context);
}

void mix::observe(const access& seen, bool explained, const residency& here, const link_figures& link,
                  mix_output& out) {
  if (seen.op != operation::read) {
    touch({seen.where.first, std::min(seen.where.count, request_blocks_max)}, false);
    return;
  }
  if (seen.how == outcome::failed || seen.where.count == 0)
    return;
  const extent where{seen.where.first, std::min(seen.where.count, request_blocks_max)};
  prepare();
  if (requests_ > 0) {
    const auto gap = std::clamp<std::int64_t>((seen.arrived - last_).count(), 0, 1'000'000'000);
    gap_ns_ += (static_cast<double>(gap) - gap_ns_) / 64;
  }
  last_ = now_ = seen.arrived;
  ++requests_;
  here_ = &here;
  asked_ = where;
  out_ = &out;

  const bool missed = seen.how == outcome::miss;
  if (missed) {
    std::uint32_t blocks = 0;
    for (auto block = where.first; block < where.end(); ++block)
      blocks += here.absent(block);
    if (blocks == 0) // They have come in meanwhile.
      blocks = where.count - std::min(seen.first_use_blocks, where.count);
    insertions_ += blocks;
    budget_.missed(blocks);
  }
  for (auto block = where.first; block < where.end(); ++block)
    if (const auto blocks = plain_.read(block); blocks > 0)
      budget_.plain_missed(blocks);
  touch(where, true);
  remember(where);
  expire();

  const mix_request request{where.first, where.count, missed || seen.first_use_blocks > 0};
  lead_ = std::min(static_cast<float>(static_cast<double>(link.delay.count()) / std::max(gap_ns_, 1e3)),
                   lead_max);
  eager_ = 1 - 0.5f * lead_ / (lead_ + 16);
  walk_min_ = requests_ % explore_every == 0 ? 0 : 0.6f * budget_.base();
  streams_.observe(request, lead_, *this);
  if (!are_places(limits_.elements))
    votes_.observe(request, replay_.log(), *this);
  replay_.observe(request, lead_, *this);
  if (request.worth)
    propose_around(request, streams_.run(), *this);
  const auto others = out.fetch.size();
  fill_.observe(where, !explained && budget_.affords_guesses(), here, link, seen.arrived, out.fetch);
  for (const auto& guess : std::span{out.fetch}.subspan(others))
    budget_.guessed(guess.where.count);
}

void mix::recall(const access& seen) {
  if (seen.op != operation::read || seen.how == outcome::failed || seen.where.count == 0)
    return;
  const extent where{seen.where.first, std::min(seen.where.count, request_blocks_max)};
  prepare();
  remember(where);
  replay_.log().append(where.first, where.count);
}

bool mix::known(std::uint64_t block) const {
  const auto at = hash(block) >> 43;
  return (known_[at / 64] >> (at % 64) & 1) != 0;
}

void mix::prepare() {
  records_.resize(record_count);
  known_.resize(known_bits / 64);
}

void mix::remember(extent where) {
  for (auto block = where.first; block < where.end(); ++block) {
    const auto at = hash(block) >> 43;
    known_[at / 64] |= std::uint64_t{1} << (at % 64);
  }
}

void mix::remember_outcome(std::uint64_t block, bool used) {
  auto& record = records_[hash(block) >> 46];
  auto fails = record & 3, hits = record >> 2;
  auto& up = used ? hits : fails;
  auto& down = used ? fails : hits;
  up = std::min(up + 1, 3);
  down = std::max(down - 1, 0);
  record = static_cast<std::uint8_t>(hits << 2 | fails);
}

std::uint16_t mix::joint_of(const mix_pending::entry& one) const {
  std::uint32_t key = 0;
  for (const auto context : one.now)
    key = key * levels + (context == mix_pending::no_context ? 0 : level(counters_[context].p));
  return static_cast<std::uint16_t>(key * records + one.record);
}

float mix::probability(const mix_pending::entry& one, std::uint16_t joint) const {
  float best = 0;
  for (const auto context : one.now)
    if (context != mix_pending::no_context)
      best = std::max(best, counters_[context].p);
  const auto& together = joint_[joint];
  const auto weight = static_cast<float>(together.n) / (static_cast<float>(together.n) + 16);
  return weight * together.p + (1 - weight) * best;
}

/// The longer the origin takes, the more a block in time saves; one that comes late saves a part of it.
float mix::least(bool cold, float requests_ahead) const {
  const auto price = budget_.threshold(cold) * eager_;
  return requests_ahead < lead_ ? price / std::pow(std::max(requests_ahead / lead_, 0.01f), 0.6f) : price;
}

bool mix::propose(mix_expert by, std::uint16_t context, std::uint64_t block, float requests_ahead) {
  if (block >= here_->blocks())
    return false;
  if (block >= asked_.first && block < asked_.end())
    return true; // It comes anyway.
  const auto at = index(by, context);
  auto* one = pending_.find(block);
  if (!one) {
    if (!here_->absent(block)) {
      if (counters_[at].p >= keep_min && proved(counters_[at]) && out_->keep.size() < keep_max)
        out_->keep.push_back(block);
      return true;
    }
    if (pending_.full())
      settle(*pending_.oldest(), false);
    one =
        &pending_.add(block, static_cast<std::uint32_t>(requests_), static_cast<std::uint32_t>(insertions_));
    one->record = records_[hash(block) >> 46];
    one->cold = !known(block);
    ++proposed_;
  } else if (one->issued || one->provisional) {
    return one->issued;
  }
  one->now[voice_of(by)] = at;
  const auto joint = joint_of(*one);
  add_once(one->visited, one->visited_count, at);
  add_once(one->joint, one->joint_count, joint);
  const auto p = probability(*one, joint);
  const bool moved = p >= least(one->cold, requests_ahead) && proved(joint_[joint]);
  one->said[voice_of(by)] = counters_[at].p;
  state(*one, p, moved);
  if (!moved)
    return false;
  one->issued = true;
  one->insertion = static_cast<std::uint32_t>(insertions_);
  ++issued_;
  ++insertions_;
  budget_.issued();
  fill_.asked({block, 1}, p);
  std::size_t speaker = 0;
  for (std::size_t other = 0; other < mix_voices; ++other)
    if (one->now[other] != mix_pending::no_context &&
        (one->now[speaker] == mix_pending::no_context ||
         counters_[one->now[other]].p > counters_[one->now[speaker]].p))
      speaker = other;
  emit(block, mix_expert_names[speaker], one->probability, requests_ahead);
  return true;
}

void mix::emit(std::uint64_t block, expert by, float p, float requests_ahead) {
  auto* last = out_->fetch.empty() ? nullptr : &out_->fetch.back();
  if (last && last->by == by && last->where.end() == block && last->where.count < extent_blocks_max) {
    const auto count = static_cast<float>(last->where.count);
    last->probability = (last->probability * count + p) / (count + 1);
    ++last->where.count;
    return;
  }
  const auto ahead = nanos{static_cast<std::int64_t>(gap_ns_ * requests_ahead)};
  out_->fetch.push_back({{block, 1}, p, now_ + ahead, by, 0});
}

void mix::touch(extent where, bool read) {
  if (pending_.size() == 0)
    return;
  for (auto block = where.first; block < where.end(); ++block)
    if (auto* one = pending_.find(block))
      settle(*one, read);
}

void mix::state(mix_pending::entry& one, float estimate, bool moved) {
  if (one.estimate >= 0)
    maps_[0].withdraw(one.estimate);
  one.estimate = estimate;
  one.probability = maps_[moved].said(estimate);
  maps_[moved].open(estimate);
}

void mix::judge(const mix_pending::entry& one, bool used, mix_scores& into) {
  into.together.settle(one.probability, one.issued, used);
  for (std::size_t by = 0; by < mix_voices; ++by)
    if (one.now[by] != mix_pending::no_context)
      into.experts[by].settle(one.said[by], one.issued, used);
}

mix_scores mix::scores() const {
  auto all = scores_;
  pending_.each([&](const mix_pending::entry& one) {
    if (one.provisional)
      judge(one, false, all);
  });
  return all;
}

void mix::settle(mix_pending::entry& one, bool used) {
  judge(one, used, scores_);
  maps_[one.issued].settle(one.estimate, one.provisional, used);
  if (used) {
    const auto waited = static_cast<float>(static_cast<std::uint32_t>(requests_) - one.request);
    wait_requests_ += 0.02f * (waited - wait_requests_);
    if (one.issued) {
      ++used_;
      budget_.used();
    }
  }
  for (std::size_t at = 0; at < one.visited_count; ++at)
    if (!one.provisional)
      counters_[one.visited[at]].learn(used);
    else if (used)
      counters_[one.visited[at]].correct();
  for (std::size_t at = 0; at < one.joint_count; ++at)
    if (!one.provisional)
      joint_[one.joint[at]].learn(used);
    else if (used)
      joint_[one.joint[at]].correct();
  remember_outcome(one.block, used);
  if (drift_.settle(one.estimate, used))
    fade();
  pending_.remove(one);
}

/// The rules have changed: what was learned stays, but counts as little as if it had just been learned, so
/// that a few outcomes of now outweigh it.
void mix::fade() {
  for (auto* table : {&counters_, &joint_})
    for (auto& one : *table)
      one.n = std::min(one.n, faded_outcomes);
  for (auto& map : maps_)
    map.fade();
}

void mix::expire() {
  const auto patience = static_cast<std::uint32_t>(std::max(64.0f, 4 * wait_requests_));
  while (auto* one = pending_.oldest_open()) {
    if (static_cast<std::uint32_t>(requests_) - one->request <= patience)
      break;
    for (std::size_t at = 0; at < one->visited_count; ++at)
      counters_[one->visited[at]].learn(false);
    for (std::size_t at = 0; at < one->joint_count; ++at)
      joint_[one->joint[at]].learn(false);
    maps_[one->issued].doubt(one->estimate);
    one->provisional = true;
  }
  while (auto* one = pending_.oldest()) {
    if (static_cast<float>(static_cast<std::uint32_t>(insertions_) - one->insertion) <= life_insertions_)
      break;
    settle(*one, false);
  }
}

void mix::evicted_unused(std::uint64_t block) {
  if (auto* one = pending_.find(block); one && one->issued) {
    const auto stayed = static_cast<float>(static_cast<std::uint32_t>(insertions_) - one->insertion);
    life_insertions_ += 0.02f * (stayed - life_insertions_);
    settle(*one, false);
  }
}

mix_figures mix::figures() const {
  const auto fill = fill_.figures();
  return {requests_,
          proposed_,
          issued_,
          used_,
          drift_.noticed(),
          pending_.size(),
          pending_.memory_bytes() + plain_.memory_bytes() + replay_.log().memory_bytes() + records_.size() +
              known_.size() * 8 + (counters_.size() + joint_.size()) * sizeof(counter) + fill.memory_bytes,
          fill};
}

} // namespace forerun::predict
