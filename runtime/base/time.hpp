#pragma once
#include <chrono>
#include <cstdint>

namespace forerun {

using nanos = std::chrono::nanoseconds;

/// Monotonic time, for deadlines and latencies. Its zero means nothing.
struct monotonic {
  using duration = nanos;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<monotonic, duration>;
  static constexpr bool is_steady = true;
};
using instant = monotonic::time_point;

/// Time since the Unix epoch, for records that people and other machines read.
struct wall_time {
  std::int64_t ns = 0;
  auto operator<=>(const wall_time&) const = default;
};

/// Where time comes from: the machine, a test or the simulator. Safe from any thread.
class clock {
public:
  virtual ~clock() = default;
  virtual instant now() const = 0;
  virtual wall_time wall() const = 0;
};

/// A clock that stands still until it is told to move. For tests and simulations; one thread.
class manual_clock final : public clock {
public:
  instant now() const override { return now_; }
  wall_time wall() const override { return {now_.time_since_epoch().count()}; }
  void advance(nanos by) { now_ += by; }

private:
  instant now_{std::chrono::hours{1}};
};

} // namespace forerun
