#include "runtime/base/bytes.hpp"
#include "runtime/nbd/client.hpp"
#include "runtime/nbd/protocol.hpp"
#include <array>
#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace forerun::nbd {
namespace {

using reply_kind = option_reply; // A member function of `client` has that name too.
constexpr auto big = std::endian::big;
constexpr std::uint32_t option_bytes_max = 64u << 10; ///< A longer option reply ends the handshake.
constexpr int option_replies_max = 64;                ///< Before the server acknowledges.
constexpr std::uint32_t reply_error_bit = 1u << 31;

/// Sends and receives of `fd`, and its connect, give up after `limit`.
void limit_silence(int fd, nanos limit) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(limit).count();
  const timeval value{static_cast<time_t>(us / 1'000'000), static_cast<suseconds_t>(us % 1'000'000)};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &value, sizeof value);
}

errc connect_error() {
  switch (errno) {
  case EINPROGRESS:
  case EAGAIN:
  case ETIMEDOUT:
    return errc::timed_out;
  case EACCES:
    return errc::permission_denied;
  default:
    return errc::unavailable;
  }
}

result<int> connected(int family, const sockaddr* where, socklen_t length, nanos limit) {
  const auto fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return errc::overloaded;
  limit_silence(fd, limit);
  if (::connect(fd, where, length) == 0)
    return fd;
  const auto why = connect_error();
  ::close(fd);
  return why;
}

result<int> connect_unix(const std::string& path, nanos limit) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (path.size() >= sizeof where.sun_path)
    return errc::invalid_argument;
  std::memcpy(where.sun_path, path.data(), path.size());
  return connected(AF_UNIX, reinterpret_cast<const sockaddr*>(&where), sizeof where, limit);
}

result<int> connect_tcp(const address& to, nanos limit) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(to.host.c_str(), std::to_string(to.port).c_str(), &hints, &found) != 0)
    return errc::unavailable;
  result<int> last = errc::unavailable;
  for (auto* each = found; each != nullptr && !last; each = each->ai_next)
    last = connected(each->ai_family, each->ai_addr, each->ai_addrlen, limit);
  ::freeaddrinfo(found);
  if (last) {
    const int on = 1;
    ::setsockopt(last.value(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return last;
}

} // namespace

result<client> client::connect(const address& where, const std::string& name, client_options options) {
  const auto fd = where.kind == address::family::unix_socket ? connect_unix(where.path, options.silence_max)
                                                             : connect_tcp(where, options.silence_max);
  if (!fd)
    return fd.error();
  client made(fd.value(), options);
  const auto agreed = made.handshake(name);
  if (!agreed) {
    made.broken_ = true; // Nothing to say goodbye to.
    return agreed.error();
  }
  return made;
}

result<void> client::handshake(const std::string& name) {
  constexpr std::size_t greeting_bytes = 18;
  if (auto got = need(greeting_bytes); !got)
    return got;
  const auto* at = in_.data() + in_begin_;
  const auto flags = get_number<std::uint16_t, big>(at + 16);
  if (get_number<std::uint64_t, big>(at) != magic::hello)
    return errc::corrupt;
  if (get_number<std::uint64_t, big>(at + 8) != magic::option ||
      (flags & handshake_flag::fixed_newstyle) == 0)
    return errc::unsupported;
  in_begin_ += greeting_bytes;
  std::array<std::byte, 4> ours;
  put_number<std::uint32_t, big>(ours.data(),
                                 flags & (handshake_flag::fixed_newstyle | handshake_flag::no_zeroes));
  if (auto sent = send_all(ours, {}); !sent)
    return sent;
  if (options_.structured)
    if (auto agreed = negotiate_structured(); !agreed)
      return agreed;
  return go(name);
}

result<void> client::negotiate_structured() {
  const auto what = static_cast<std::uint32_t>(option::structured_reply);
  if (auto sent = send_option(what, {}); !sent)
    return sent;
  std::vector<std::byte> data;
  const auto kind = option_reply(what, data);
  if (!kind)
    return kind.error();
  structured_ = kind.value() == static_cast<std::uint32_t>(reply_kind::ack);
  return success();
}

result<void> client::go(const std::string& name) {
  const auto what = static_cast<std::uint32_t>(option::go);
  std::vector<std::byte> data;
  byte_writer<big> out(data);
  out.put(static_cast<std::uint32_t>(name.size()));
  out.put_bytes(std::as_bytes(std::span(name)));
  out.put(std::uint16_t{0}); // No more information than the export itself.
  if (auto sent = send_option(what, data); !sent)
    return sent;
  bool told = false;
  for (int i = 0; i < option_replies_max; ++i) {
    const auto kind = option_reply(what, data);
    if (!kind)
      return kind.error();
    switch (static_cast<reply_kind>(kind.value())) {
    case reply_kind::ack:
      return told ? result<void>(success()) : result<void>(errc::corrupt);
    case reply_kind::info: {
      byte_reader<big> in(data);
      if (in.take<std::uint16_t>() != static_cast<std::uint16_t>(info_kind::export_))
        continue;
      bytes_ = in.take<std::uint64_t>();
      flags_ = in.take<std::uint16_t>();
      told = in.ok();
      continue;
    }
    case reply_kind::error_unknown:
      return errc::not_found;
    case reply_kind::error_unsupported:
      return errc::unsupported;
    case reply_kind::error_policy:
      return errc::permission_denied;
    default:
      if ((kind.value() & reply_error_bit) != 0)
        return errc::unavailable;
    }
  }
  return errc::corrupt;
}

result<void> client::send_option(std::uint32_t what, std::span<const std::byte> data) {
  std::vector<std::byte> head;
  byte_writer<big> out(head);
  out.put(magic::option);
  out.put(what);
  out.put(static_cast<std::uint32_t>(data.size()));
  return send_all(head, data);
}

result<std::uint32_t> client::option_reply(std::uint32_t what, std::vector<std::byte>& data) {
  constexpr std::size_t head_bytes = 20;
  if (const auto got = need(head_bytes); !got)
    return got.error();
  const auto* at = in_.data() + in_begin_;
  const auto kind = get_number<std::uint32_t, big>(at + 12);
  const auto length = get_number<std::uint32_t, big>(at + 16);
  if (get_number<std::uint64_t, big>(at) != magic::option_reply ||
      get_number<std::uint32_t, big>(at + 8) != what || length > option_bytes_max)
    return errc::corrupt;
  in_begin_ += head_bytes;
  data.resize(length);
  if (const auto taken = take_into(data); !taken)
    return taken.error();
  return kind;
}

} // namespace forerun::nbd
