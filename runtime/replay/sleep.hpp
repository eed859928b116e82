#pragma once
#include "runtime/base/time.hpp"

namespace forerun::replay {

instant steady_now();

/// Sleeps to within about a microsecond: the last `spin_max` are spent awake.
void sleep_until(instant when);
inline constexpr nanos spin_max = std::chrono::microseconds{80};

} // namespace forerun::replay
