#pragma once
#include "runtime/trace/trace.hpp"
#include <string>

namespace forerun::replay {

inline constexpr std::size_t trace_text_bytes_max = std::size_t{1} << 30; ///< Of a recording, unpacked.

/// Reads a recording from a file, packed by gzip or plain. Errors: `not_found`, `permission_denied`,
/// `io_failed`, `corrupt` (gzip's checksum), `out_of_range` (longer than `trace_text_bytes_max`, or too many
/// rows), `invalid_argument` (no good row).
result<trace::boot_trace> load_trace(const std::string& path, const trace::trace_limits& limits = {});

} // namespace forerun::replay
