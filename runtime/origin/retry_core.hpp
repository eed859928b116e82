#pragma once
#include "runtime/origin/origin.hpp"
#include <map>
#include <optional>

namespace forerun::origin {

struct retry_limits {
  nanos attempt_max = std::chrono::seconds{10}; ///< Without an answer for so long an attempt is given up.
  unsigned attempts_max = 8;                    ///< Of one demand read; at least 1. A prefetch gets one.
  nanos total_max = std::chrono::seconds{30};   ///< From the request to its last error.
  nanos pause_first =
      std::chrono::milliseconds{50}; ///< Before the second attempt; then twice as long each time.
  nanos pause_max = std::chrono::seconds{5};
  std::size_t requests_open_max = 65536; ///< More are refused with `overloaded`.
};

/// Decides when a failed read is tried again. A value: time comes in, effects come out.
///
/// A demand read is tried until it goes well, or `attempts_max` or `total_max` is reached; then it fails with
/// the last attempt's error. A prefetch is not worth a second attempt. `changed` and `cancelled` are final:
/// no later attempt can give the old contents. An answer to an attempt that was given up is still welcome
/// while the request is open.
class retry_core {
public:
  explicit retry_core(const retry_limits& limits) : limits_(limits) {}

  using id = std::uint64_t;

  /// Takes a request, whose first attempt is to be sent now. Nothing: too many are open.
  std::optional<id> begin(priority how, instant now);

  /// An attempt was answered. Returns what the request ends with; nothing while it goes on, or when it ended
  /// before.
  std::optional<result<buffer>> answered(id which, unsigned attempt, result<buffer> data, instant now);

  struct effects {
    struct send {
      id which = 0;
      unsigned attempt = 0;
    };
    std::vector<send> sends;
    std::vector<std::pair<id, errc>> failed; ///< Requests that end.
  };
  /// What is due: attempts to give up, to send, and requests to end.
  effects due(instant now);
  /// When `due` has something to do; `instant::max()` when nothing waits.
  instant next_due() const;

  std::size_t open() const { return open_.size(); }
  std::uint64_t retries() const { return retries_; }

private:
  struct request {
    priority how{};
    unsigned attempt = 1;
    bool pausing = false; ///< Until the next attempt.
    instant begun{};
    std::multimap<instant, id>::iterator timer;
  };
  using iterator = std::map<id, request>::iterator;

  void set_timer(iterator at, instant when);
  /// The current attempt failed: pauses, or ends the request and returns true.
  bool attempt_failed(iterator at, errc why, instant now);
  void end(iterator at);

  retry_limits limits_;
  id next_ = 0;
  std::uint64_t retries_ = 0;
  std::map<id, request> open_;
  std::multimap<instant, id> timers_; ///< One for each open request.
};

} // namespace forerun::origin
