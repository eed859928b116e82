#pragma once
#include "runtime/origin/demand_queue.hpp"
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace forerun::origin {

/// How a slowed source behaves. May be switched at any time; what is under way keeps its old fate, except
/// that `hang = false` lets go of everything that hung.
struct slowness {
  nanos delay{0};                    ///< From a request's arrival to its bytes' being ready for the link.
  std::uint64_t bits_per_second = 0; ///< Of the link that all answers share; 0: no limit.
  std::uint64_t fail_every = 0;      ///< Every so-manieth request fails with `io_failed`; 0: none.
  double fail_share = 0;             ///< This share of all requests fails, chosen by `seed`; 0 .. 1.
  std::uint64_t seed = 0;
  bool hang = false; ///< Requests that arrive get no answer.
};

/// What went over the link.
struct traffic {
  std::uint64_t requests = 0;
  std::uint64_t demand_requests = 0;
  std::uint64_t bytes = 0; ///< Of answers that went well.
  std::uint64_t failed = 0;
};

/// Makes any source far and slow. Delays run in parallel; then the bytes pass one link, one answer after the
/// other, in order of arrival, demand before the prefetch that is not yet on the link. An idle link saves
/// nothing up. Times are kept exactly: an answer that is delivered late by the machine does not shift the
/// next. Answers are delivered on this object's own thread, typically within 100 microseconds.
class slow_source final : public source {
public:
  static constexpr std::size_t requests_open_max = 65536; ///< More are refused with `overloaded`.

  slow_source(std::shared_ptr<source> inner, slowness how);
  ~slow_source() override;

  const identity& about() const override { return inner_->about(); }
  void read(std::uint64_t offset, std::uint32_t length, priority how, done then) override;

  void set(slowness how);
  traffic passed() const;

private:
  struct open_request {
    priority how{};
    std::uint32_t length = 0;
    done then;
    std::optional<result<buffer>> data; ///< What the inner source answered.
    bool waited = false;                ///< The delay is over.
    bool hung = false;
  };
  struct on_link {
    instant finish{};
    done then;
    result<buffer> data;
  };
  struct link_entry {
    std::uint64_t id = 0;
    instant ready{};
  };
  /// Shared with the inner source's answers, which may come after this object's end.
  struct state {
    mutable std::mutex lock;
    std::condition_variable wake;
    slowness how;
    traffic passed;
    std::map<std::uint64_t, open_request> open;
    std::multimap<instant, std::uint64_t> delayed; ///< By the end of the delay.
    demand_queue<link_entry> link_waiting;
    std::optional<on_link> link;
    instant link_free{};
    std::uint64_t next = 0;
    bool ending = false;

    void answered(std::uint64_t id, result<buffer> data);
    bool fails();
    void delay_over(std::uint64_t id, instant ready);
    void start_next();
    bool step(std::unique_lock<std::mutex>& hold, instant now);
    void deliver(std::unique_lock<std::mutex>& hold, const done& then, result<buffer> data);
    void run();
  };

  std::shared_ptr<state> shared_ = std::make_shared<state>();
  std::shared_ptr<source> inner_;
  std::thread thread_;
};

} // namespace forerun::origin
