#include "runtime/nbd/client.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/nbd/protocol.hpp"
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

namespace forerun::nbd {
namespace {

constexpr auto big = std::endian::big;
constexpr std::size_t in_bytes = 256u << 10;
constexpr std::size_t gathered_bytes_max = 64u << 10;
constexpr std::uint16_t chunk_hole = 2; ///< OFFSET_HOLE: zeroes that were not sent.
constexpr std::uint16_t chunk_error_bit = 1u << 15;
constexpr std::uint32_t error_bytes_max = 64u << 10; ///< Of a chunk that carries an error and its text.

errc from_wire(std::uint32_t error) {
  switch (static_cast<wire_error>(error)) {
  case wire_error::permission:
    return errc::read_only;
  case wire_error::no_memory:
    return errc::overloaded;
  case wire_error::invalid:
  case wire_error::overflow:
    return errc::invalid_argument;
  case wire_error::no_space:
    return errc::no_space;
  case wire_error::unsupported:
    return errc::unsupported;
  case wire_error::shutdown:
    return errc::unavailable;
  default:
    return errc::io_failed;
  }
}

} // namespace

client::client(int fd, client_options options) : fd_(fd), options_(options), in_(in_bytes) {
}

client::client(client&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), options_(other.options_), bytes_(other.bytes_), flags_(other.flags_),
      structured_(other.structured_), broken_(other.broken_), gathering_(other.gathering_),
      next_(other.next_), sends_(std::move(other.sends_)), in_(std::move(other.in_)),
      in_begin_(other.in_begin_), in_end_(other.in_end_), open_(std::move(other.open_)),
      answered_(std::move(other.answered_)) {
}

client::~client() {
  if (fd_ < 0)
    return;
  if (!broken_) {
    std::array<std::byte, request_bytes> goodbye;
    encode_request({.type = wire_command::disconnect}, goodbye.data());
    // Courtesy only: a server that does not take it sees the socket close.
    (void)::send(fd_, goodbye.data(), goodbye.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  ::close(fd_);
}

result<void> client::read(std::uint64_t offset, std::span<std::byte> into) {
  return await(submit_read(offset, into));
}
result<void> client::write(std::uint64_t offset, std::span<const std::byte> data, bool fua) {
  return await(submit_write(offset, data, fua));
}
result<void> client::flush() {
  return await(submit_flush());
}
result<void> client::trim(std::uint64_t offset, std::uint32_t length) {
  return await(submit_trim(offset, length));
}
result<void> client::write_zeroes(std::uint64_t offset, std::uint32_t length, bool keep_space) {
  return await(submit_write_zeroes(offset, length, keep_space));
}
result<void> client::cache(std::uint64_t offset, std::uint32_t length) {
  return await(submit_cache(offset, length));
}

namespace {
std::uint16_t wire(wire_command type) {
  return static_cast<std::uint16_t>(type);
}
} // namespace

result<client::cookie> client::submit_read(std::uint64_t offset, std::span<std::byte> into) {
  return submit(wire(wire_command::read), 0, offset, static_cast<std::uint32_t>(into.size()), {}, into);
}
result<client::cookie> client::submit_write(std::uint64_t offset, std::span<const std::byte> data, bool fua) {
  return submit(wire(wire_command::write), fua ? command_flag::fua : 0, offset,
                static_cast<std::uint32_t>(data.size()), data, {});
}
result<client::cookie> client::submit_flush() {
  return submit(wire(wire_command::flush), 0, 0, 0, {}, {});
}
result<client::cookie> client::submit_trim(std::uint64_t offset, std::uint32_t length) {
  return submit(wire(wire_command::trim), 0, offset, length, {}, {});
}
result<client::cookie> client::submit_write_zeroes(std::uint64_t offset, std::uint32_t length,
                                                   bool keep_space) {
  return submit(wire(wire_command::write_zeroes), keep_space ? command_flag::no_hole : 0, offset, length, {},
                {});
}
result<client::cookie> client::submit_cache(std::uint64_t offset, std::uint32_t length) {
  return submit(wire(wire_command::cache), 0, offset, length, {}, {});
}

result<client::cookie> client::submit(std::uint16_t type, std::uint16_t flags, std::uint64_t offset,
                                      std::uint32_t length, std::span<const std::byte> payload,
                                      std::span<std::byte> into) {
  if (broken_)
    return errc::unavailable;
  if (open() >= requests_open_max)
    return errc::overloaded;
  const auto id = ++next_;
  std::array<std::byte, request_bytes> head;
  encode_request({flags, static_cast<wire_command>(type), id, offset, length}, head.data());
  open_.emplace(id, pending{into, offset, 0, std::nullopt});
  if (gathering_ && payload.empty()) {
    sends_.insert(sends_.end(), head.begin(), head.end());
    if (sends_.size() >= gathered_bytes_max)
      if (const auto sent = flush_sends(); !sent)
        return sent.error();
    return id;
  }
  if (const auto sent = flush_sends(); !sent)
    return sent.error();
  if (const auto sent = send_all(head, payload); !sent)
    return sent.error();
  return id;
}

result<void> client::flush_sends() {
  if (sends_.empty())
    return success();
  const auto sent = send_all(sends_, {});
  sends_.clear();
  return sent;
}

result<void> client::await(result<cookie> submitted) {
  if (!submitted)
    return submitted.error();
  if (const auto sent = flush_sends(); !sent)
    return sent;
  while (true) {
    const auto mine = std::find_if(answered_.begin(), answered_.end(),
                                   [&](const reply& one) { return one.id == submitted.value(); });
    if (mine != answered_.end()) {
      auto how = mine->how;
      answered_.erase(mine);
      return how;
    }
    if (const auto taken = take_one(); !taken)
      return taken;
  }
}

result<std::optional<client::reply>> client::reap(nanos wait) {
  if (const auto sent = flush_sends(); !sent)
    return sent.error();
  while (answered_.empty()) {
    if (broken_)
      return errc::unavailable;
    if (open_.empty())
      return std::optional<reply>();
    // Somebody with all the time in the world needs no look ahead.
    if (in_begin_ == in_end_ && wait < options_.silence_max) {
      const auto ready = readable(wait);
      if (!ready)
        return give_up(ready.error()).error();
      if (!ready.value())
        return std::optional<reply>();
    }
    if (const auto taken = take_one(); !taken)
      return taken.error();
  }
  auto first = std::move(answered_.front());
  answered_.pop_front();
  return std::optional<reply>(std::move(first));
}

/// Takes one message off the connection: a simple reply, or one chunk.
result<void> client::take_one() {
  // With one read open nothing else can come, and its data goes straight to its place.
  if (!structured_ && open_.size() == 1 && in_begin_ == in_end_ && !open_.begin()->second.into.empty()) {
    in_begin_ = in_end_ = 0;
    if (auto received = fill_direct(open_.begin()->second); !received)
      return received;
  }
  if (auto got = need(simple_header_bytes); !got)
    return got;
  const auto word = get_number<std::uint32_t, big>(in_.data() + in_begin_);
  if (word == magic::simple_reply)
    return take_simple();
  if (word == magic::structured_reply && structured_)
    return take_chunk();
  return give_up(errc::corrupt);
}

/// Receives the header of the only open read to the buffer, and behind it data to its place.
result<void> client::fill_direct(pending& only) {
  iovec parts[] = {{in_.data(), simple_header_bytes}, {only.into.data(), only.into.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  ssize_t got = 0;
  do
    got = ::recvmsg(fd_, &message, 0);
  while (got < 0 && errno == EINTR);
  if (got <= 0)
    return give_up(got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? errc::timed_out
                                                                        : errc::unavailable);
  const auto count = static_cast<std::size_t>(got);
  in_end_ = std::min(count, simple_header_bytes);
  only.filled = count - in_end_;
  return success();
}

result<void> client::take_simple() {
  const auto* at = in_.data() + in_begin_;
  const auto error = get_number<std::uint32_t, big>(at + 4);
  const auto id = get_number<std::uint64_t, big>(at + 8);
  in_begin_ += simple_header_bytes;
  const auto found = open_.find(id);
  if (found == open_.end())
    return give_up(errc::corrupt);
  auto& to = found->second;
  if (error != 0) {
    if (to.filled != 0) // Data after an error belongs to nothing.
      return give_up(errc::corrupt);
    answered_.push_back({id, from_wire(error)});
  } else {
    if (structured_ && !to.into.empty()) // Reads are answered in chunks then.
      return give_up(errc::corrupt);
    if (auto taken = take_into(to.into.subspan(to.filled)); !taken)
      return taken;
    answered_.push_back({id, success()});
  }
  open_.erase(found);
  return success();
}

result<void> client::take_chunk() {
  if (auto got = need(chunk_header_bytes); !got)
    return got;
  const auto* at = in_.data() + in_begin_;
  const auto flags = get_number<std::uint16_t, big>(at + 4);
  const auto kind = get_number<std::uint16_t, big>(at + 6);
  const auto id = get_number<std::uint64_t, big>(at + 8);
  const auto length = get_number<std::uint32_t, big>(at + 16);
  in_begin_ += chunk_header_bytes;
  const auto found = open_.find(id);
  if (found == open_.end())
    return give_up(errc::corrupt);
  auto& to = found->second;
  const auto taken =
      (kind & chunk_error_bit) != 0 ? take_error(to, length) : take_chunk_data(to, kind, length);
  if (!taken)
    return taken;
  if ((flags & chunk_done) == 0)
    return success();
  if (!to.failed && to.filled != to.into.size())
    return give_up(errc::corrupt);
  answered_.push_back({id, to.failed ? result<void>(*to.failed) : result<void>(success())});
  open_.erase(found);
  return success();
}

result<void> client::take_chunk_data(pending& to, std::uint16_t kind, std::uint32_t length) {
  if (kind == static_cast<std::uint16_t>(chunk::none) && length == 0)
    return success();
  const auto hole = kind == chunk_hole;
  if ((!hole && kind != static_cast<std::uint16_t>(chunk::data)) || length < 8 || (hole && length != 12))
    return give_up(errc::corrupt);
  if (auto got = need(hole ? 12 : 8); !got)
    return got;
  const auto offset = get_number<std::uint64_t, big>(in_.data() + in_begin_);
  const auto count = hole ? get_number<std::uint32_t, big>(in_.data() + in_begin_ + 8) : length - 8;
  in_begin_ += hole ? 12 : 8;
  if (offset < to.offset || offset - to.offset > to.into.size() ||
      count > to.into.size() - static_cast<std::size_t>(offset - to.offset))
    return give_up(errc::corrupt);
  const auto part = to.into.subspan(static_cast<std::size_t>(offset - to.offset), count);
  to.filled += count;
  if (!hole)
    return take_into(part);
  std::fill(part.begin(), part.end(), std::byte{0});
  return success();
}

result<void> client::take_error(pending& to, std::uint32_t length) {
  if (length < 6 || length > error_bytes_max)
    return give_up(errc::corrupt);
  if (auto got = need(length); !got)
    return got;
  to.failed = from_wire(get_number<std::uint32_t, big>(in_.data() + in_begin_));
  in_begin_ += length;
  return success();
}

/// Until `count` bytes wait in the buffer.
result<void> client::need(std::size_t count) {
  while (in_end_ - in_begin_ < count) {
    if (in_begin_ != 0) {
      std::memmove(in_.data(), in_.data() + in_begin_, in_end_ - in_begin_);
      in_end_ -= in_begin_;
      in_begin_ = 0;
    }
    if (const auto got = receive({}); !got)
      return got.error();
  }
  return success();
}

result<void> client::take_into(std::span<std::byte> into) {
  while (!into.empty()) {
    const auto here = std::min(in_end_ - in_begin_, into.size());
    if (here != 0) {
      std::memcpy(into.data(), in_.data() + in_begin_, here);
      in_begin_ += here;
      into = into.subspan(here);
      continue;
    }
    in_begin_ = in_end_ = 0;
    const auto got = receive(into);
    if (!got)
      return got.error();
    into = into.subspan(got.value());
  }
  return success();
}

/// One receive: to `first`, and what is left to the buffer's end. Returns the bytes that `first` got.
result<std::size_t> client::receive(std::span<std::byte> first) {
  iovec parts[] = {{first.data(), first.size()}, {in_.data() + in_end_, in_.size() - in_end_}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  ssize_t got = 0;
  do
    got = ::recvmsg(fd_, &message, 0);
  while (got < 0 && errno == EINTR);
  if (got <= 0)
    return give_up(got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? errc::timed_out : errc::unavailable)
        .error();
  const auto count = static_cast<std::size_t>(got);
  const auto direct = std::min(count, first.size());
  in_end_ += count - direct;
  return direct;
}

result<bool> client::readable(nanos wait) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wait);
  const timespec limit{static_cast<time_t>(seconds.count()), static_cast<long>((wait - seconds).count())};
  pollfd one{fd_, POLLIN, 0};
  const auto count = ::ppoll(&one, 1, &limit, nullptr);
  if (count < 0 && errno != EINTR)
    return errc::unavailable;
  return count > 0;
}

result<void> client::send_all(std::span<const std::byte> head, std::span<const std::byte> payload) {
  while (!head.empty() || !payload.empty()) {
    // The kernel reads these bytes only; its interface has no const.
    iovec parts[] = {{const_cast<std::byte*>(head.data()), head.size()},
                     {const_cast<std::byte*>(payload.data()), payload.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const auto sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      const auto of_head = std::min(static_cast<std::size_t>(sent), head.size());
      head = head.subspan(of_head);
      payload = payload.subspan(static_cast<std::size_t>(sent) - of_head);
      continue;
    }
    if (errno == EINTR)
      continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      return give_up(errc::unavailable);
    // The server may wait for us to take its replies before it reads on.
    pollfd one{fd_, POLLIN | POLLOUT, 0};
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(options_.silence_max).count();
    if (::poll(&one, 1, static_cast<int>(ms)) == 0)
      return give_up(errc::timed_out);
    if ((one.revents & POLLOUT) == 0 && (one.revents & POLLIN) != 0)
      if (auto taken = take_one(); !taken)
        return taken;
  }
  return success();
}

result<void> client::give_up(errc why) {
  broken_ = true;
  return why;
}

} // namespace forerun::nbd
