#include "runtime/base/address.hpp"
#include <algorithm>
#include <charconv>

namespace forerun {
namespace {

/// "127." and three more numbers. A name such as "127.example.org" is not loopback.
bool loopback_v4(std::string_view host) {
  return host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3 &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool host_sign(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-';
}

bool host_v6_sign(char c) {
  return host_sign(c) || c == ':' || c == '%';
}

} // namespace

bool address::local() const {
  return kind == family::unix_socket || host == "localhost" || host == "::1" || loopback_v4(host);
}

std::string address::text() const {
  if (kind == family::unix_socket)
    return "unix:" + path;
  const auto brackets = host.find(':') != std::string::npos;
  return "tcp:" + (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

result<address> parse_address(std::string_view text) {
  address parsed;
  if (text.starts_with("unix:")) {
    parsed.path = text.substr(5);
    if (parsed.path.empty() || parsed.path.size() > unix_path_bytes_max ||
        parsed.path.find('\0') != std::string::npos)
      return errc::invalid_argument;
    return parsed;
  }
  if (!text.starts_with("tcp:"))
    return errc::invalid_argument;
  text.remove_prefix(4);
  parsed.kind = address::family::tcp;
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return errc::invalid_argument;
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);
  const auto v6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (v6)
    host = host.substr(1, host.size() - 2);
  if (host.empty() || host.size() > 255 ||
      !std::all_of(host.begin(), host.end(), v6 ? host_v6_sign : host_sign))
    return errc::invalid_argument;
  const auto [rest, failed] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (failed != std::errc{} || rest != port.data() + port.size())
    return errc::invalid_argument;
  parsed.host = host;
  return parsed;
}

} // namespace forerun
