#pragma once
#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include <string>
#include <string_view>

/// Moments as people write and read them.
namespace forerun::cli {

/// RFC 3339 in UTC, to the microsecond: "2026-11-21T20:00:00.000000Z".
std::string when(wall_time at);

/// RFC 3339 ("2026-11-21T20:00:00Z", "2026-11-21 20:00:00.5+01:00"), or how long before `now`: "-2h", "-90
/// s". Errors: `invalid_argument`.
result<wall_time> parse_when(std::string_view text, wall_time now);

} // namespace forerun::cli
