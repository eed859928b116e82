#pragma once
#include "runtime/base/time.hpp"
#include <string>

namespace forerun {

/// How many digits a second has behind its point; the rest is cut off.
enum class second_digits : std::uint8_t { micro = 6, nano = 9 };

/// RFC 3339 in UTC, e.g. "2024-03-01T12:00:00.000000001Z"; also of times before 1970.
std::string date_time(wall_time at, second_digits digits);

} // namespace forerun
