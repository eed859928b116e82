#pragma once
#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include <cstdint>
#include <string>
#include <string_view>

/// Sizes and durations as people write and read them.
namespace forerun {

/// "4096", "64 MiB", "10G" (binary, as qemu has it), "1.5 GiB", "2 GB" (decimal). Bytes.
/// Errors: `invalid_argument` for anything else, and for what does not fit 63 bits.
result<std::uint64_t> parse_bytes(std::string_view text);

/// "1Gbit", "100 Mbit", "64kbit": bits in a second, decimal. Errors: as `parse_bytes`.
result<std::uint64_t> parse_rate(std::string_view text);

/// "10ms", "600 s", "1.5h"; units ns, us, ms, s, min, h, d. A bare number is refused, except 0.
/// Errors: `invalid_argument`.
result<nanos> parse_duration(std::string_view text);

/// "0 B", "4.0 KiB", "64 MiB": at most four signs before the unit.
std::string format_bytes(std::uint64_t bytes);

/// "0 s", "850 ns", "12.3 ms", "4.20 s", "3 min 20 s", "2 d 4 h".
std::string format_duration(nanos time);

} // namespace forerun
