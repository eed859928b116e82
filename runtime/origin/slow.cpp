#include "runtime/origin/slow.hpp"
#include "runtime/origin/steady.hpp"
#include <algorithm>
#include <chrono>
#include <sys/prctl.h>

namespace forerun::origin {
namespace {

/// How long so many bytes take on the link.
nanos link_time(std::uint64_t bytes, std::uint64_t bits_per_second) {
  if (bits_per_second == 0)
    return nanos{0};
  const auto ns = static_cast<double>(bytes) * 8e9 / static_cast<double>(bits_per_second);
  return nanos{static_cast<std::int64_t>(ns)};
}

/// A number in [0, 1) that seed and request decide (SplitMix64's finalizer).
double chance(std::uint64_t seed, std::uint64_t request) {
  auto z = (seed + 1) * 0x9e3779b97f4a7c15u + request;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

} // namespace

slow_source::slow_source(std::shared_ptr<source> inner, slowness how) : inner_(std::move(inner)) {
  shared_->how = how;
  thread_ = std::thread([shared = shared_.get()] { shared->run(); });
}

slow_source::~slow_source() {
  {
    const std::lock_guard hold(shared_->lock);
    shared_->ending = true;
  }
  shared_->wake.notify_one();
  thread_.join();
}

void slow_source::read(std::uint64_t offset, std::uint32_t length, priority how, done then) {
  const auto now = steady_now();
  std::uint64_t id = 0;
  bool failing = false;
  {
    const std::lock_guard hold(shared_->lock);
    if (shared_->open.size() >= requests_open_max)
      failing = true;
    else
      id = ++shared_->next;
    if (id != 0) {
      ++shared_->passed.requests;
      shared_->passed.demand_requests += how == priority::demand;
      auto& request = shared_->open[id];
      request = {how, length, std::move(then), std::nullopt, false, shared_->how.hang};
      failing = shared_->fails();
      if (failing)
        request.data = errc::io_failed;
      if (!request.hung)
        shared_->delayed.emplace(now + shared_->how.delay, id);
    }
  }
  if (id == 0)
    return then(errc::overloaded);
  shared_->wake.notify_one();
  // The inner source works while the delay runs.
  if (!failing)
    inner_->read(offset, length, how,
                 [shared = shared_, id](result<buffer> data) { shared->answered(id, std::move(data)); });
}

void slow_source::set(slowness how) {
  const auto now = steady_now();
  {
    const std::lock_guard hold(shared_->lock);
    shared_->how = how;
    if (!how.hang)
      for (auto& [id, request] : shared_->open)
        if (std::exchange(request.hung, false))
          shared_->delayed.emplace(now + how.delay, id);
  }
  shared_->wake.notify_one();
}

traffic slow_source::passed() const {
  const std::lock_guard hold(shared_->lock);
  return shared_->passed;
}

bool slow_source::state::fails() {
  return (how.fail_every != 0 && next % how.fail_every == 0) ||
         (how.fail_share > 0 && chance(how.seed, next) < how.fail_share);
}

void slow_source::state::answered(std::uint64_t id, result<buffer> data) {
  const auto now = steady_now();
  {
    const std::lock_guard hold(lock);
    const auto at = open.find(id);
    if (at == open.end())
      return;
    at->second.data = std::move(data);
    if (at->second.waited)
      delayed.emplace(now, id); // The inner source took longer than the delay.
  }
  wake.notify_one();
}

void slow_source::state::delay_over(std::uint64_t id, instant ready) {
  auto& request = open.at(id);
  request.waited = true;
  if (request.data)
    link_waiting.push(request.how, {id, ready});
}

void slow_source::state::start_next() {
  if (link)
    return;
  const auto next_entry = link_waiting.pop();
  if (!next_entry)
    return;
  auto request = open.extract(next_entry->id);
  const auto start = std::max(link_free, next_entry->ready);
  const auto bytes = *request.mapped().data ? request.mapped().length : 0; // Errors weigh nothing.
  link.emplace(on_link{start + link_time(bytes, how.bits_per_second), std::move(request.mapped().then),
                       std::move(*request.mapped().data)});
}

/// Carries out the earliest event that is due, at the time it was due. False when none is.
bool slow_source::state::step(std::unique_lock<std::mutex>& hold, instant now) {
  const auto delay_due = delayed.empty() ? instant::max() : delayed.begin()->first;
  const auto link_due = link ? link->finish : instant::max();
  if (std::min(delay_due, link_due) > now)
    return false;
  if (delay_due <= link_due) {
    const auto [ready, id] = *delayed.begin();
    delayed.erase(delayed.begin());
    delay_over(id, ready);
    start_next();
    return true;
  }
  auto over = std::move(*link);
  link.reset();
  link_free = over.finish;
  start_next();
  deliver(hold, over.then, std::move(over.data));
  return true;
}

void slow_source::state::deliver(std::unique_lock<std::mutex>& hold, const done& then, result<buffer> data) {
  if (data)
    passed.bytes += data.value()->size();
  else
    ++passed.failed;
  hold.unlock();
  then(std::move(data));
  hold.lock();
}

void slow_source::state::run() {
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); // Nanosecond; the default rounds by 50 microseconds.
  std::unique_lock hold(lock);
  while (!ending) {
    if (step(hold, steady_now()))
      continue;
    const auto due = std::min(delayed.empty() ? instant::max() : delayed.begin()->first,
                              link ? link->finish : instant::max());
    if (due == instant::max())
      wake.wait(hold);
    else
      wake.wait_until(hold, std::chrono::steady_clock::time_point(due.time_since_epoch()));
  }
  if (link)
    deliver(hold, link->then, errc::cancelled);
  while (!open.empty())
    deliver(hold, open.extract(open.begin()).mapped().then, errc::cancelled);
}

} // namespace forerun::origin
