#pragma once
#include "runtime/origin/open.hpp"

namespace forerun::origin {

/// An image on a web server, read in ranges over kept connections. Every answer must be the range that was
/// asked for, of an image of the same length with the same ETag (or, without one, the same time of change):
/// all else is `changed` or `io_failed`, never data.
opened open_http(const std::string& url, const source_options& options);

inline constexpr long http_redirects_max = 5;

} // namespace forerun::origin
