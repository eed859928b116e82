#pragma once
#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace forerun::origin {

/// What an image's source says of itself. If any of it differs later, the image has changed under us.
struct identity {
  std::uint64_t bytes = 0;
  std::string validator; ///< ETag, Last-Modified, or size and mtime; empty when the source has none.
  bool operator==(const identity&) const = default;
};

using buffer = std::shared_ptr<std::vector<std::byte>>;

/// Demand is sent to the source before every prefetch that has not been sent yet.
enum class priority : std::uint8_t { demand, prefetch };

/// The far side: where an image's blocks come from. Thread-safe; many reads in flight.
class source {
public:
  /// Called once for each read, on a thread of the source's own; it must return quickly.
  /// Errors: `timed_out`, `unavailable`, `io_failed`, `changed`, `cancelled`; and `overloaded`, when too many
  /// wait, which is answered inside `read`.
  using done = std::function<void(result<buffer>)>;

  virtual ~source() = default;
  virtual const identity& about() const = 0;
  /// Reads [offset, offset + length), which lies within about().bytes; the buffer has exactly that length.
  virtual void read(std::uint64_t offset, std::uint32_t length, priority how, done then) = 0;
};

} // namespace forerun::origin
