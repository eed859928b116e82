#pragma once
#include "runtime/base/time.hpp"
#include <ctime>

namespace forerun::host {

/// This machine's clocks.
class real_clock final : public clock {
public:
  instant now() const override { return instant{read(CLOCK_MONOTONIC)}; }
  wall_time wall() const override { return {read(CLOCK_REALTIME).count()}; }

private:
  static nanos read(clockid_t which) {
    timespec time{};
    clock_gettime(which, &time);
    return std::chrono::seconds{time.tv_sec} + nanos{time.tv_nsec};
  }
};

} // namespace forerun::host
