#pragma once
#include "runtime/control/inbox.hpp"
#include <kj/async.h>
#include <kj/timer.h>
#include <unordered_map>

namespace forerun::control {

/// Inside runtime/control only, on the KJ thread: calls that the node has not answered yet. One that timed
/// out stays open until the node lets it go, so that a stuck node does not gather calls without limit.
class calls {
public:
  calls(std::shared_ptr<inbox> answers, kj::Timer& timer) : answers_(std::move(answers)), timer_(timer) {}

  /// Runs `start` with a reply to fill, and promises its answer, or `timed_out` after `limit`, or
  /// `overloaded` at once when `open_calls_max` are open.
  template <class T, class Start> kj::Promise<answer<T>> ask(std::chrono::seconds limit, Start&& start) {
    if (open_.size() >= open_calls_max)
      return answer<T>{failure{errc::overloaded, "too many calls are unanswered", "try again later"}};
    auto pair = kj::newPromiseAndFulfiller<answer<T>>();
    const auto id = next_++;
    open_.emplace(id, std::make_unique<waiting<T>>(kj::mv(pair.fulfiller)));
    // The receiver runs in any thread and so may hold nothing of KJ: only the number of the call.
    start(reply<T>([this, id, to = answers_](answer<T> what) {
      to->push([this, id, what = std::move(what)]() mutable { settle<T>(id, std::move(what)); });
    }));
    auto late = timer_.afterDelay(limit.count() * kj::SECONDS).then([]() -> answer<T> {
      return failure{errc::timed_out, "the node did not answer in time",
                     "try again; if it stays so, see `forerun actors` and the node's log"};
    });
    return pair.promise.exclusiveJoin(kj::mv(late));
  }

private:
  struct entry {
    virtual ~entry() noexcept(false) = default; // as KJ has it
  };
  template <class T> struct waiting final : entry {
    explicit waiting(kj::Own<kj::PromiseFulfiller<answer<T>>> f) : fulfiller(kj::mv(f)) {}
    kj::Own<kj::PromiseFulfiller<answer<T>>> fulfiller;
  };
  template <class T> void settle(std::uint64_t id, answer<T> what) {
    const auto found = open_.find(id);
    if (found == open_.end())
      return;
    static_cast<waiting<T>&>(*found->second).fulfiller->fulfill(std::move(what));
    open_.erase(found);
  }

  std::shared_ptr<inbox> answers_;
  kj::Timer& timer_;
  std::unordered_map<std::uint64_t, std::unique_ptr<entry>> open_;
  std::uint64_t next_ = 1;
};

} // namespace forerun::control
