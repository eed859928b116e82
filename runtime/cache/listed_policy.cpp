#include "runtime/cache/listed_policy.hpp"
#include <algorithm>

namespace forerun::cache {
namespace {

// 2^26 ns = 67 ms: 32 bits of it last nine years of uptime.
constexpr unsigned tick_shift = 26;

std::uint32_t tick_of(instant time) {
  const auto ns = std::max<std::int64_t>(time.time_since_epoch().count(), 0);
  return static_cast<std::uint32_t>(std::min<std::int64_t>(ns >> tick_shift, 0xfffffffe));
}

// Ends of protection come nearly in order, so a short walk finds the place; past it, nearly is enough.
constexpr int order_steps_max = 16;
// How many overdue entries one question for a victim releases; more wait for the next question.
constexpr int release_max = 16;
// What `protect` gives to an entry that is not linked into the policy's lists yet.
constexpr std::uint8_t favoured_freq = 2;

} // namespace

void listed_policy::admit(cache_key key, admit_kind kind) {
  if (contains(key)) {
    if (kind == admit_kind::demand)
      touched(key);
    return;
  }
  const auto one = table_.add(key);
  at(one).unread = kind == admit_kind::prefetch;
  enter(one);
}

void listed_policy::touched(cache_key key) {
  const auto one = table_.find(key);
  if (one == no_slot)
    return;
  if (!at(one).unread)
    return used(one);
  if (at(one).list == protected_list) {
    table_.unlink(one);
    enter(one);
  }
  at(one).unread = false;
  first_use(one);
}

void listed_policy::protect(cache_key key) {
  const auto one = table_.find(key);
  if (one == no_slot)
    return;
  if (at(one).list == protected_list)
    at(one).freq = std::max(at(one).freq, favoured_freq);
  else
    favour(one);
}

void listed_policy::protect_until(cache_key key, instant until) {
  const auto one = table_.find(key);
  if (one == no_slot || !at(one).unread)
    return;
  table_.unlink(one);
  at(one).until = tick_of(until) + 1;
  auto newer = no_slot;
  auto older = table_.newest(protected_list);
  for (int step = 0; older != no_slot && at(older).until > at(one).until && step < order_steps_max; ++step) {
    newer = older;
    older = at(older).older;
  }
  if (newer == no_slot)
    table_.push_newest(protected_list, one);
  else
    table_.insert_older(newer, one);
  if (protected_size() > std::max<std::size_t>(capacity_ / 2, 1)) {
    const auto oldest = table_.oldest(protected_list);
    table_.unlink(oldest);
    enter_overdue(oldest);
  }
}

void listed_policy::removed(cache_key key) {
  const auto one = table_.find(key);
  if (one == no_slot)
    return;
  table_.unlink(one);
  table_.drop(one);
}

void listed_policy::release_overdue(instant now) {
  const auto tick = tick_of(now);
  for (int i = 0; i < release_max; ++i) {
    const auto one = table_.oldest(protected_list);
    if (one == no_slot || at(one).until > tick)
      return;
    table_.unlink(one);
    enter_overdue(one);
  }
}

std::optional<cache_key> listed_policy::victim(instant now) {
  release_overdue(now);
  auto one = choose();
  if (one == no_slot) {
    one = table_.oldest(protected_list);
    if (one == no_slot)
      return std::nullopt;
    table_.unlink(one);
  }
  const auto key = at(one).key;
  table_.drop(one);
  return key;
}

} // namespace forerun::cache
