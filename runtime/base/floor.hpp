#pragma once
#include <cstdint>

namespace forerun {

/// Division that rounds down, also below zero: times before 1970 fall into the unit that they are in. `by` >
/// 0.
constexpr std::int64_t floor_divided(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

} // namespace forerun
