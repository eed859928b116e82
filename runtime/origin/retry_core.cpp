#include "runtime/origin/retry_core.hpp"
#include <algorithm>

namespace forerun::origin {

std::optional<retry_core::id> retry_core::begin(priority how, instant now) {
  if (open_.size() >= limits_.requests_open_max)
    return std::nullopt;
  const auto which = ++next_;
  const auto at = open_.emplace(which, request{.how = how, .begun = now, .timer = timers_.end()}).first;
  set_timer(at, now + std::min(limits_.attempt_max, limits_.total_max));
  return which;
}

std::optional<result<buffer>> retry_core::answered(id which, unsigned attempt, result<buffer> data,
                                                   instant now) {
  const auto at = open_.find(which);
  if (at == open_.end())
    return std::nullopt;
  if (data) {
    end(at);
    return data;
  }
  // The error of an attempt that was given up is no news.
  if (at->second.pausing || attempt != at->second.attempt)
    return std::nullopt;
  const auto why = data.error();
  if (!attempt_failed(at, why, now))
    return std::nullopt;
  return why;
}

retry_core::effects retry_core::due(instant now) {
  effects out;
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const auto at = open_.find(timers_.begin()->second);
    auto& one = at->second;
    const auto which = at->first;
    if (one.pausing) {
      one.pausing = false;
      ++one.attempt;
      ++retries_;
      set_timer(at, std::min(now + limits_.attempt_max, one.begun + limits_.total_max));
      out.sends.push_back({which, one.attempt});
    } else if (attempt_failed(at, errc::timed_out, now)) {
      out.failed.emplace_back(which, errc::timed_out);
    }
  }
  return out;
}

instant retry_core::next_due() const {
  return timers_.empty() ? instant::max() : timers_.begin()->first;
}

bool retry_core::attempt_failed(iterator at, errc why, instant now) {
  auto& one = at->second;
  const auto pause =
      std::min(limits_.pause_max, limits_.pause_first * (std::int64_t{1} << std::min(one.attempt - 1, 30u)));
  const auto next = now + pause;
  if (one.how == priority::prefetch || why == errc::changed || why == errc::cancelled ||
      one.attempt >= limits_.attempts_max || next >= one.begun + limits_.total_max) {
    end(at);
    return true;
  }
  one.pausing = true;
  set_timer(at, next);
  return false;
}

void retry_core::set_timer(iterator at, instant when) {
  if (at->second.timer != timers_.end())
    timers_.erase(at->second.timer);
  at->second.timer = timers_.emplace(when, at->first);
}

void retry_core::end(iterator at) {
  timers_.erase(at->second.timer);
  open_.erase(at);
}

} // namespace forerun::origin
