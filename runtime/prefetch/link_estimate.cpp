#include "runtime/prefetch/link_estimate.hpp"
#include <algorithm>

namespace forerun::prefetch {
namespace {

/// Measured on boots: 1 loses a fifth of the time, 2 and more make demand wait longer than they gain.
constexpr double steady_gain = 1.25;
/// The smallest gain that doubles the rate every round trip.
constexpr double startup_gain = 2.89;
constexpr double startup_growth = 1.25;
constexpr unsigned startup_flat_rounds = 3;
constexpr nanos rate_bucket = std::chrono::seconds{1};
constexpr nanos trip_bucket = std::chrono::seconds{10};
/// Shorter trips are taken for this, so that a burst out of a kernel buffer is no infinite rate.
constexpr nanos trip_min = std::chrono::microseconds{10};

double seconds(nanos time) {
  return std::chrono::duration<double>(time).count();
}

} // namespace

void link_estimate::arrived(std::uint64_t bytes, instant sent_at, instant now) {
  const auto trip = std::max<nanos>(now - sent_at, trip_min);
  delivered_ += bytes;
  // What had been delivered when this one was sent: the rest came in during its trip.
  const auto later = std::upper_bound(deliveries_.begin(), deliveries_.end(), sent_at,
                                      [](instant at, const delivery& it) { return at < it.at; });
  const auto full = deliveries_.size() >= deliveries_max;
  if (later != deliveries_.begin() || !full) {
    const auto before = later == deliveries_.begin() ? 0 : std::prev(later)->total;
    note_rate(static_cast<double>(delivered_ - before) / seconds(trip), now);
  }
  if (full)
    deliveries_.pop_front();
  // The order by time is kept even if answers are told out of order.
  const auto at = deliveries_.empty() ? now : std::max(now, deliveries_.back().at);
  deliveries_.push_back({at, delivered_});
  note_delay(trip, now);
  leave_startup(now);
}

void link_estimate::note_rate(double rate, instant now) {
  if (now - rate_since_ > rate_bucket && limited_) {
    std::rotate(rates_.begin(), rates_.end() - 1, rates_.end());
    rates_.front() = 0;
    rate_since_ = now;
    limited_ = false;
  }
  rates_.front() = std::max(rates_.front(), rate);
}

void link_estimate::note_delay(nanos trip, instant now) {
  if (now - trip_since_ > trip_bucket) {
    std::rotate(trips_.begin(), trips_.end() - 1, trips_.end());
    trips_.front() = nanos{0};
    trip_since_ = now;
  }
  auto& shortest = trips_.front();
  shortest = shortest == nanos{0} ? trip : std::min(shortest, trip);
}

void link_estimate::leave_startup(instant now) {
  if (!startup_ || !limited_ || now - round_since_ < delay())
    return;
  round_since_ = now;
  const auto rate = bandwidth();
  startup_flat_ = rate < startup_growth * startup_rate_ ? startup_flat_ + 1 : 0;
  startup_rate_ = std::max(startup_rate_, rate);
  startup_ = startup_flat_ < startup_flat_rounds;
}

double link_estimate::bandwidth() const {
  return *std::max_element(rates_.begin(), rates_.end());
}

nanos link_estimate::delay() const {
  nanos shortest{0};
  for (const auto trip : trips_)
    if (trip > nanos{0} && (shortest == nanos{0} || trip < shortest))
      shortest = trip;
  return shortest;
}

double link_estimate::window() const {
  return (startup_ ? startup_gain : steady_gain) * bandwidth() * seconds(delay());
}

} // namespace forerun::prefetch
