#pragma once
#include "runtime/origin/origin.hpp"

namespace forerun::origin {

/// Why a source could not be opened: which URL, why, and what to do about it, in words.
struct trouble {
  errc code{};
  std::string text;
};

using opened = BOOST_OUTCOME_V2_NAMESPACE::basic_result<std::shared_ptr<source>, trouble,
                                                        BOOST_OUTCOME_V2_NAMESPACE::policy::terminate>;

struct source_options {
  std::size_t file_threads = 4;          ///< Reads of a file at once; at least 1.
  std::size_t nbd_requests_max = 64;     ///< Requests on the wire of one NBD connection; at least 1.
  std::size_t http_connections_max = 16; ///< Parallel HTTP connections; at least 1.
  nanos connect_max = std::chrono::seconds{10};
  nanos answer_max = std::chrono::seconds{30}; ///< A server silent for so long with requests open is gone.
};

/// Opens an image's source and asks it for its length and validator; blocks up to `connect_max`.
///
///     file:/path/of/image            nbd://host[:port]/export
///     pattern:SIZE[?seed=N]          nbd+unix:///export?socket=/path
///     http://…  https://…            (the server must support ranges)
///
/// A source is destroyed on no thread of its own (not in a `done`); its open reads end with `cancelled`
/// first.
opened open_source(const std::string& url, const source_options& options);

inline constexpr std::size_t url_bytes_max = 4096;

} // namespace forerun::origin
