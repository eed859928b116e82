#include "runtime/study/machine.hpp"
#include <algorithm>

namespace forerun::study {
namespace {

constexpr instant start{std::chrono::hours{1}};         // Zero means nothing.
constexpr nanos request_time = std::chrono::seconds{1}; // Where only the order is known.
constexpr instant far_future{nanos{INT64_MAX / 2}};     // A slow link, or a long trace, ends here.
constexpr std::uint64_t window_least = 256u << 10;

} // namespace

machine::machine(const machine_setup& setup, std::unique_ptr<cache::policy> eviction,
                 std::unique_ptr<prefetcher> ahead, belady* limit)
    : setup_(setup), cache_(std::move(eviction)), ahead_(std::move(ahead)), limit_(limit), now_(start) {
  const auto& origin = setup_.origin;
  link_.bandwidth = origin.bits_per_second / 8;
  link_.delay = origin.timed ? origin.delay : request_time * origin.delay_requests;
  window_bytes_ =
      std::max(window_least, static_cast<std::uint64_t>(1.25 * link_.bandwidth *
                                                        std::chrono::duration<double>(origin.delay).count()));
}

bool machine::absent(std::uint64_t block) const {
  return block < setup_.named && !cache_->contains({block}) && !queued_.contains(block) &&
         !coming_.contains(block);
}

period& machine::now_period() {
  const auto all = std::max(setup_.requests, seen_.requests);
  return seen_.timeline[all == 0 ? 0 : (seen_.requests - (seen_.requests > 0)) * periods / all];
}

void machine::take(const request& what, std::span<const std::uint64_t> next_uses) {
  pass(what);
  land();
  ++seen_.requests;
  setup_.named = std::max(setup_.named, what.first + what.count);
  access said;
  said.where = {what.first, what.count};
  said.arrived = now_;
  said.think = nanos{setup_.origin.timed ? what.gap_ns : 0};
  said.bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(said.where.bytes(), UINT32_MAX));

  // First what is there, for all of the request; only then may it push anything out.
  std::uint64_t missing = 0, late = 0, run = 0;
  auto answered = now_;
  const auto fetch = [&] {
    if (run > 0 && setup_.origin.timed)
      answered = std::max(answered, transport(run, now_));
    run = 0;
  };
  for (auto block = said.where.first; block < said.where.end(); ++block) {
    const auto at = coming_.find(block);
    if (at == coming_.end() && !cache_->contains({block})) {
      ++missing;
      ++run;
      continue;
    }
    fetch();
    if (at != coming_.end()) {
      ++late;
      answered = std::max(answered, at->second.arrives);
    }
  }
  fetch();
  missing_.clear();
  for (std::uint32_t i = 0; i < what.count; ++i) {
    const auto block = what.first + i;
    if (limit_ != nullptr)
      limit_->coming({block}, next_uses[i]);
    queued_.erase(block);
    if (cache_->contains({block}))
      cache_->touched({block});
    else
      missing_.push_back(block);
    for (auto* wait : {&unread_, &coming_})
      if (const auto at = wait->find(block); at != wait->end()) {
        settle(at->second.probability, true);
        wait->erase(at);
        ++said.first_use_blocks;
      }
  }
  if (setup_.origin.timed)
    answered_ = std::max(answered_, answered);
  seen_.requests_missed += missing + late > 0;
  seen_.touches += what.count;
  seen_.misses += missing + late;
  seen_.late += late;
  auto& piece = now_period();
  piece.touches += what.count;
  piece.misses += missing + late;
  said.how = missing > 0 ? outcome::miss : late > 0 ? outcome::late : outcome::hit;

  wishes_.clear();
  ahead_->observe(said, *this, link_, wishes_);
  for (const auto block : missing_)
    admit(block, cache::admit_kind::demand);
  for (const auto block : wishes_.keep)
    cache_->protect({block});
  for (const auto& wish : wishes_.fetch)
    if (setup_.origin.timed)
      enqueue(wish);
    else
      send(wish);
  if (setup_.origin.timed)
    pump(now_);
}

/// Time goes on to when the request is made.
void machine::pass(const request& what) {
  if (!setup_.origin.timed) {
    now_ += request_time;
    return;
  }
  const nanos gap{what.gap_ns};
  if (seen_.requests == 0 || gap <= think_min)
    return;
  wait_for_reads();
  seen_.think += gap;
  pump(now_ + gap);
}

void machine::wait_for_reads() {
  if (answered_ <= now_)
    return;
  const auto waited = answered_ - now_;
  seen_.stall += waited;
  now_period().stall += waited;
  pump(answered_);
}

/// Time goes on; what is waiting is sent as room comes.
void machine::pump(instant until) {
  while (true) {
    while (!flying_.empty() && flying_.front().back <= now_) {
      flying_bytes_ -= flying_.front().bytes;
      flying_.pop_front();
    }
    if (!queue_.empty() && flying_bytes_ < window_bytes_) {
      const auto next = queue_.front();
      queue_.pop_front();
      send(next);
      continue;
    }
    if (flying_.empty() || queue_.empty() || flying_.front().back > until)
      break;
    now_ = flying_.front().back;
  }
  now_ = until;
}

void machine::enqueue(const prediction& what) {
  auto some = what;
  for (auto block = what.where.first; block <= what.where.end(); ++block) {
    if (block < what.where.end() && absent(block)) {
      queued_.insert(block);
      continue;
    }
    some.where.count = static_cast<std::uint32_t>(block - some.where.first);
    if (some.where.count > 0)
      queue_.push_back(some);
    some.where.first = block + 1;
  }
  for (; queue_.size() > queue_max; queue_.pop_front()) {
    const auto& oldest = queue_.front().where;
    for (auto block = oldest.first; block < oldest.end(); ++block)
      seen_.shed += queued_.erase(block);
  }
}

/// Asks the origin for what is still wanted of it.
void machine::send(const prediction& what) {
  std::uint64_t wanted = 0;
  const auto is_wanted = [&](std::uint64_t block) {
    return setup_.origin.timed ? queued_.contains(block) : absent(block);
  };
  for (auto block = what.where.first; block < what.where.end(); ++block)
    wanted += is_wanted(block);
  if (wanted == 0)
    return;
  const auto arrives = setup_.origin.timed ? transport(wanted, now_)
                                           : now_ + request_time * setup_.origin.delay_requests + nanos{1};
  for (auto block = what.where.first; block < what.where.end(); ++block) {
    if (!is_wanted(block))
      continue;
    queued_.erase(block);
    coming_[block] = {arrives, what.probability};
    arrivals_.emplace_back(arrives, block);
    ++seen_.prefetched;
  }
}

/// When that many elements, asked for now, have come: one answer after the other on the link.
instant machine::transport(std::uint64_t elements, instant from) {
  const auto bytes = elements * block_bytes;
  nanos takes{0};
  if (setup_.origin.bits_per_second > 0)
    takes =
        nanos{static_cast<std::int64_t>(static_cast<double>(bytes) * 8e9 / setup_.origin.bits_per_second)};
  link_free_ = std::min(std::max(link_free_, from + setup_.origin.delay) + takes, far_future);
  flying_.push_back({link_free_, bytes});
  flying_bytes_ += bytes;
  return link_free_;
}

/// What has come by now takes its place in the cache, unless it was read on its way.
void machine::land() {
  for (; !arrivals_.empty() && arrivals_.front().first <= now_; arrivals_.pop_front()) {
    const auto [arrives, block] = arrivals_.front();
    const auto at = coming_.find(block);
    if (at == coming_.end() || at->second.arrives != arrives)
      continue;
    const auto what = at->second;
    coming_.erase(at);
    admit(block, cache::admit_kind::prefetch);
    unread_[block] = what;
  }
}

void machine::admit(std::uint64_t block, cache::admit_kind kind) {
  while (cache_->size() >= setup_.capacity) {
    const auto victim = cache_->victim(now_);
    if (!victim)
      break;
    if (const auto at = unread_.find(victim->value); at != unread_.end()) {
      settle(at->second.probability, false);
      unread_.erase(at);
      ahead_->evicted_unused(victim->value);
    }
  }
  cache_->admit({block}, kind);
}

/// A prefetched block was used, or will not be.
void machine::settle(float probability, bool used) {
  seen_.used += used;
  if (probability > 0)
    seen_.moved.settle(probability, used);
}

const figures& machine::end() {
  wait_for_reads();
  for (auto* wait : {&unread_, &coming_}) {
    for (const auto& [block, what] : *wait)
      settle(what.probability, false);
    wait->clear();
  }
  return seen_;
}

} // namespace forerun::study
