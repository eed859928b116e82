#pragma once
#include "runtime/origin/retry_core.hpp"
#include <condition_variable>
#include <mutex>
#include <thread>

namespace forerun::origin {

/// Gives the reads of any source a time-out each, and failed demand reads further attempts with growing
/// pauses, as `retry_core` decides. Nothing is remembered from one request to the next, so a source that
/// comes back is used at once. Answers come on the inner source's thread or this object's own.
class retrying_source final : public source {
public:
  retrying_source(std::shared_ptr<source> inner, const retry_limits& limits);
  ~retrying_source() override;

  const identity& about() const override { return inner_->about(); }
  void read(std::uint64_t offset, std::uint32_t length, priority how, done then) override;

  /// Attempts after the first, so far.
  std::uint64_t retries() const;

private:
  struct request {
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
    priority how{};
    done then;
  };
  /// Shared with the inner source's answers, which may come after this object's end.
  struct state {
    explicit state(const retry_limits& limits) : core(limits) {}

    mutable std::mutex lock;
    std::condition_variable wake;
    retry_core core;
    std::map<retry_core::id, request> open;
    instant alarm = instant::max(); ///< When the thread wakes by itself.
    bool ending = false;

    done take(retry_core::id which);
    void answered(retry_core::id which, unsigned attempt, result<buffer> data);
    void wake_if_sooner();
  };

  void send(retry_core::id which, unsigned attempt, std::uint64_t offset, std::uint32_t length, priority how);
  void run();

  std::shared_ptr<state> shared_;
  std::shared_ptr<source> inner_;
  std::thread thread_;
};

} // namespace forerun::origin
