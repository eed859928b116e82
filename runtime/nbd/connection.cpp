#include "runtime/nbd/connection.hpp"
#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace forerun::nbd {

namespace {

constexpr std::size_t pieces_per_call = 1024; // IOV_MAX.
constexpr std::uint32_t base_events = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr std::size_t backlog_kept_bytes_max = 1u << 20;

void skip_front(std::span<iovec>& pieces, std::size_t bytes) {
  while (bytes > 0 && bytes >= pieces.front().iov_len) {
    bytes -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (bytes > 0) {
    auto& first = pieces.front();
    first.iov_base = static_cast<std::byte*>(first.iov_base) + bytes;
    first.iov_len -= bytes;
  }
}

std::size_t length_of(std::span<const iovec> pieces) {
  std::size_t sum = 0;
  for (const auto& piece : pieces)
    sum += piece.iov_len;
  return sum;
}

} // namespace

connection::connection(descriptor socket, int poller, std::uint64_t poll_tag, const session_limits& limits,
                       exports& names, std::optional<std::string> bound, session_place place,
                       io_counters& count, const clock& time)
    : socket_(std::move(socket)), poller_(poller), poll_tag_(poll_tag), place_(place), time_(time),
      session_(limits, names, std::move(bound), place, count), since_(time.now()), now_(since_) {
}

connection::~connection() {
  session_.abandon(time_.now());
}

void connection::greet(reply_batch& out) {
  session_.greet(out);
  broken_ |= !flush(out);
}

void connection::note_events(std::uint32_t events) {
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
    readable_ = true;
  gone_ |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  broken_ |= (events & (EPOLLHUP | EPOLLERR)) != 0;
}

bool connection::look() {
  std::byte first;
  // What it has not read yet waits for something else.
  if (readable_ || backlogged())
    return false;
  readable_ = ::recv(socket_.get(), &first, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
  return readable_;
}

void connection::note_answer(late_answer& what) {
  answers_.push_back({what.to.request, what.how, std::move(what.data)});
}

connection::next connection::pump(reply_batch& out) {
  if (backlogged() && !write_backlog())
    return next::close;
  for (auto& held : answers_) {
    session_.complete(held.request, held.how, std::move(held.data), out);
    if (out.full() && !flush(out))
      return next::close;
  }
  answers_.clear();
  bool has_read = false;
  for (;;) {
    const auto done = session_.take(input_.data(), now_, out);
    input_.drop(done.consumed);
    if (!out.empty() && !flush(out))
      return next::close;
    switch (done.on) {
    case session::wait::input:
      // Behind a large request there may be more, in the other buffer.
      if (input_.data().size() >= session_.wanted())
        break;
      // While a client does not take its replies, it gets no new ones: its requests wait in the socket.
      if (backlogged() || !readable_)
        return next::sleep;
      if (has_read)
        return next::again;
      if (!read_some())
        return next::close;
      has_read = true;
      break;
    case session::wait::output:
      if (backlogged())
        return next::sleep;
      break;
    case session::wait::completion:
      return broken_ ? next::close : next::sleep;
    case session::wait::retry:
      return broken_ ? next::close : next::retry;
    case session::wait::drain:
      return broken_ || (session_.idle() && !backlogged()) ? next::close : next::sleep;
    case session::wait::over:
      return next::close;
    }
  }
}

bool connection::read_some() {
  const auto room = input_.room(session_.wanted());
  const auto count = ::readv(socket_.get(), room.data(), static_cast<int>(room.size()));
  now_ = time_.now();
  if (count > 0) {
    input_.filled(static_cast<std::size_t>(count));
    // A short read has emptied the socket; the next arrival is told by epoll. An end is not.
    readable_ = gone_ || static_cast<std::size_t>(count) == length_of(room);
    return true;
  }
  readable_ = false;
  if (count == 0) {
    session_.drain();
    return true;
  }
  if (errno == EINTR)
    readable_ = true;
  return errno == EAGAIN || errno == EINTR;
}

/// Sends the batch or moves what the socket does not take to the backlog. False: the connection is broken.
bool connection::flush(reply_batch& out) {
  auto left = out.pieces();
  bool alive = true;
  while (!left.empty() && !backlogged()) {
    msghdr message{};
    message.msg_iov = left.data();
    message.msg_iovlen = std::min(left.size(), pieces_per_call);
    const auto wanted = length_of(left.first(message.msg_iovlen));
    const auto count = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0 && errno != EAGAIN) {
      alive = false;
      break;
    }
    const auto sent = count > 0 ? static_cast<std::size_t>(count) : 0;
    skip_front(left, sent);
    if (sent < wanted)
      break;
  }
  if (alive && !left.empty()) {
    backlog_.reserve(backlog_.size() + length_of(left));
    for (const auto& piece : left) {
      const auto* at = static_cast<const std::byte*>(piece.iov_base);
      backlog_.insert(backlog_.end(), at, at + piece.iov_len);
    }
    watch_output(true);
  }
  session_.sent(out, time_.now());
  out.reset();
  return alive;
}

bool connection::write_backlog() {
  while (backlogged()) {
    const auto count = ::send(socket_.get(), backlog_.data() + backlog_sent_, backlog_.size() - backlog_sent_,
                              MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return errno == EAGAIN;
    backlog_sent_ += static_cast<std::size_t>(count);
  }
  backlog_sent_ = 0;
  backlog_.clear();
  if (backlog_.capacity() > backlog_kept_bytes_max)
    backlog_.shrink_to_fit();
  watch_output(false);
  return true;
}

void connection::watch_output(bool on) {
  if (std::exchange(watching_, on) == on)
    return;
  epoll_event event{};
  event.events = base_events | (on ? std::uint32_t{EPOLLOUT} : 0u);
  event.data.u64 = poll_tag_;
  ::epoll_ctl(poller_, EPOLL_CTL_MOD, socket_.get(), &event);
}

} // namespace forerun::nbd
