#include "runtime/replay/sleep.hpp"
#include <cerrno>
#include <ctime>
#include <sys/prctl.h>

namespace forerun::replay {

instant steady_now() {
  return instant(std::chrono::steady_clock::now().time_since_epoch());
}

void sleep_until(instant when) {
  const auto alarm = when - spin_max;
  if (alarm > steady_now()) {
    // The kernel may otherwise add 50 microseconds.
    ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    const auto since = alarm.time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
    const timespec at{static_cast<time_t>(seconds.count()), static_cast<long>((since - seconds).count())};
    while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
    }
  }
  while (steady_now() < when) {
  }
}

} // namespace forerun::replay
