#include "runtime/origin/retrying.hpp"
#include "runtime/origin/steady.hpp"

namespace forerun::origin {

retrying_source::retrying_source(std::shared_ptr<source> inner, const retry_limits& limits)
    : shared_(std::make_shared<state>(limits)), inner_(std::move(inner)), thread_([this] { run(); }) {
}

retrying_source::~retrying_source() {
  {
    const std::lock_guard hold(shared_->lock);
    shared_->ending = true;
  }
  shared_->wake.notify_one();
  thread_.join();
}

void retrying_source::read(std::uint64_t offset, std::uint32_t length, priority how, done then) {
  std::optional<retry_core::id> which;
  {
    const std::lock_guard hold(shared_->lock);
    which = shared_->core.begin(how, steady_now());
    if (which)
      shared_->open.emplace(*which, request{offset, length, how, std::move(then)});
    shared_->wake_if_sooner();
  }
  if (!which)
    return then(errc::overloaded);
  send(*which, 1, offset, length, how);
}

std::uint64_t retrying_source::retries() const {
  const std::lock_guard hold(shared_->lock);
  return shared_->core.retries();
}

void retrying_source::send(retry_core::id which, unsigned attempt, std::uint64_t offset, std::uint32_t length,
                           priority how) {
  inner_->read(offset, length, how, [shared = shared_, which, attempt](result<buffer> data) {
    shared->answered(which, attempt, std::move(data));
  });
}

source::done retrying_source::state::take(retry_core::id which) {
  auto node = open.extract(which);
  return node ? std::move(node.mapped().then) : nullptr;
}

void retrying_source::state::answered(retry_core::id which, unsigned attempt, result<buffer> data) {
  done then;
  std::optional<result<buffer>> last;
  {
    const std::lock_guard hold(lock);
    last = core.answered(which, attempt, std::move(data), steady_now());
    if (last)
      then = take(which);
    wake_if_sooner();
  }
  if (then)
    then(std::move(*last));
}

void retrying_source::state::wake_if_sooner() {
  if (core.next_due() < alarm)
    wake.notify_one();
}

void retrying_source::run() {
  auto& shared = *shared_;
  std::unique_lock hold(shared.lock);
  while (!shared.ending) {
    const auto now = steady_now();
    auto due = shared.core.due(now);
    std::vector<std::pair<done, errc>> over;
    for (const auto& [which, why] : due.failed)
      over.emplace_back(shared.take(which), why);
    std::vector<std::pair<retry_core::effects::send, request>> sends;
    for (const auto& one : due.sends) {
      const auto& what = shared.open.at(one.which);
      sends.emplace_back(one, request{what.offset, what.length, what.how, nullptr});
    }
    if (!over.empty() || !sends.empty()) {
      hold.unlock();
      for (auto& [then, why] : over)
        then(why);
      for (const auto& [one, what] : sends)
        send(one.which, one.attempt, what.offset, what.length, what.how);
      hold.lock();
      continue;
    }
    shared.alarm = shared.core.next_due();
    if (shared.alarm == instant::max())
      shared.wake.wait(hold);
    else
      shared.wake.wait_until(hold, std::chrono::steady_clock::time_point(shared.alarm.time_since_epoch()));
    shared.alarm = instant::min(); // Awake: nobody needs to call.
  }
  auto open = std::exchange(shared.open, {});
  hold.unlock();
  for (auto& [which, one] : open)
    one.then(errc::cancelled);
}

} // namespace forerun::origin
