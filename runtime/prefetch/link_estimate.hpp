#pragma once
#include "runtime/base/time.hpp"
#include <array>
#include <cstdint>
#include <deque>

namespace forerun::prefetch {

/// What an origin's path can carry, learned from what passes over it, as BBR does (Cardwell and others, ACM
/// Queue 14(5), 2016): the delay is the shortest round trip, the bandwidth the highest rate of delivery, of
/// the last seconds. More in flight than their product only makes demand reads wait in a queue.
class link_estimate {
public:
  /// A fetch was answered in full. Failed ones are not told.
  void arrived(std::uint64_t bytes, instant sent_at, instant now);
  /// There was more to send than the window allowed: from such times alone a lower bandwidth may be
  /// concluded.
  void limited() { limited_ = true; }

  /// Bytes per second; 0 before the first answer.
  double bandwidth() const;
  /// 0 before the first answer.
  nanos delay() const;
  /// Bytes that fill the path, with what is needed to see whether it carries more; unbounded by policy.
  double window() const;
  /// The bandwidth is not known yet: it still grows with what is asked for.
  bool starting() const { return startup_; }

private:
  struct delivery {
    instant at{};
    std::uint64_t total = 0;
  };
  /// Enough for a window of small answers; when older ones are gone, a late answer gives no rate.
  static constexpr std::size_t deliveries_max = 4096;

  void note_rate(double rate, instant now);
  void note_delay(nanos trip, instant now);
  void leave_startup(instant now);

  std::deque<delivery> deliveries_;
  std::uint64_t delivered_ = 0;
  std::array<double, 4> rates_{}; ///< Highest rate per second in which the window was the limit.
  instant rate_since_{};
  std::array<nanos, 3> trips_{}; ///< Shortest trip per ten seconds; 0: none.
  instant trip_since_{};
  bool limited_ = false;

  bool startup_ = true; ///< The bandwidth still grows from round to round.
  double startup_rate_ = 0;
  unsigned startup_flat_ = 0;
  instant round_since_{};
};

} // namespace forerun::prefetch
