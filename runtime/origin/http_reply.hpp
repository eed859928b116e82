#pragma once
#include "runtime/origin/origin.hpp"
#include <optional>
#include <string_view>

namespace forerun::origin {

/// The part of an HTTP reply's head that says what it is. Pure; fed line by line with hostile text.
struct http_reply {
  static constexpr std::size_t value_bytes_max = 1024; ///< A longer value of a header counts as absent.

  long status = 0;
  std::string etag;
  std::string modified; ///< Last-Modified
  std::string range;    ///< Content-Range

  /// A line of the head. A status line, also one after a redirect, starts over.
  void take(std::string_view line);
  /// What identifies the contents: the ETag, or else the time of change; may be empty.
  std::string validator() const;
};

/// "bytes FIRST-LAST/TOTAL"
struct content_range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t total = 0;
};
std::optional<content_range> parse_content_range(std::string_view text);

/// Whether a finished reply to "give me [offset, offset + length)" may be used: nothing, or why not.
std::optional<errc> fault_of(const http_reply& reply, const identity& about, std::uint64_t offset,
                             std::uint32_t length, std::size_t received);

} // namespace forerun::origin
