#pragma once
#include "runtime/base/result.hpp"
#include <cstdint>
#include <string>
#include <string_view>

namespace forerun {

/// Where something listens: "unix:PATH" or "tcp:HOST:PORT" ("tcp:[::1]:10809" for IPv6).
struct address {
  enum class family : std::uint8_t { unix_socket, tcp };

  family kind = family::unix_socket;
  std::string path; ///< Of a unix socket, 1 .. `unix_path_bytes_max` bytes.
  std::string host; ///< Of tcp, without brackets; 1 .. 255 bytes.
  std::uint16_t port = 0;
  bool operator==(const address&) const = default;

  /// Nobody outside this machine can reach it.
  bool local() const;
  std::string text() const;
};

inline constexpr std::size_t unix_path_bytes_max = 107; ///< What sockaddr_un holds besides its end.

/// Errors: `invalid_argument`. Names are not looked up.
result<address> parse_address(std::string_view text);

} // namespace forerun
