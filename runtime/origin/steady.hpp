#pragma once
#include "runtime/base/time.hpp"

namespace forerun::origin {

/// The machine's monotonic clock.
inline instant steady_now() {
  return instant(std::chrono::steady_clock::now().time_since_epoch());
}

} // namespace forerun::origin
