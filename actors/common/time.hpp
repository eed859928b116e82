#pragma once
#include "runtime/base/time.hpp"
#include <caf/all.hpp>

namespace forerun::actors {

/// The actor system's clock in the cores' terms: virtual under the deterministic scheduler, monotonic
/// otherwise.
template <class Self> instant now(Self* self) {
  return instant{std::chrono::duration_cast<nanos>(self->clock().now().time_since_epoch())};
}

} // namespace forerun::actors
