#pragma once
#include "runtime/origin/open.hpp"

namespace forerun::origin {

/// An export of an NBD server, read over one connection with many requests in flight. When the server goes,
/// what is open fails with `unavailable` (with `timed_out` when it is silent for `answer_max`), and so does
/// every read until the connection is back; it is tried again with growing pauses, without end. A server that
/// returns with another length, name or description gives `changed`, and is asked again later. NBD tells
/// nothing else of an export: other contents under the same description are not noticed.
opened open_nbd(const std::string& url, const source_options& options);

inline constexpr nanos reconnect_pause_first = std::chrono::milliseconds{50};
inline constexpr nanos reconnect_pause_max = std::chrono::seconds{5};

} // namespace forerun::origin
