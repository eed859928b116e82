#pragma once
#include "runtime/control/service.hpp"

namespace forerun::control {

/// Inside runtime/control only, on the KJ thread: how the calls of one connection are counted and answered.
class answering {
public:
  answering(calls& open, std::shared_ptr<session> from, std::uint64_t& call_count)
      : calls_(&open), session_(std::move(from)), call_count_(&call_count) {}

  session& from() const { return *session_; }

  /// Answers `bad`, if there is one; otherwise what `start` brings, as `put` writes it.
  template <class T, class Context, class Start>
  kj::Promise<void> give(Context context, std::optional<failure> bad, Start&& start,
                         std::chrono::seconds limit = call_timeout) const {
    return give<T>(context, std::move(bad), std::forward<Start>(start), limit,
                   [](auto to, answer<T>&& what) { write_answer(to, what); });
  }
  template <class T, class Context, class Start, class Put>
  kj::Promise<void> give(Context context, std::optional<failure> bad, Start&& start,
                         std::chrono::seconds limit, Put put) const {
    // A call of a client that is gone ends at once, and nothing of it outlives the connection.
    context.allowCancellation();
    session_->last_call = ++*call_count_;
    if (bad) {
      write(context.getResults().initAnswer().initRefused(), *bad);
      return kj::READY_NOW;
    }
    ++session_->open_calls;
    auto ended = kj::defer([from = session_] { --from->open_calls; });
    return calls_->ask<T>(limit, start)
        .then(
            [context, put = std::move(put), from = session_](answer<T>&& what) mutable -> kj::Promise<void> {
              if (!from->reads_answers())
                return kj::NEVER_DONE;
              put(context.getResults().initAnswer(), std::move(what));
              return kj::READY_NOW;
            })
        .attach(kj::mv(ended));
  }

private:
  calls* calls_;
  std::shared_ptr<session> session_;
  std::uint64_t* call_count_;
};

} // namespace forerun::control
