#include "runtime/nbd/server.hpp"
#include "runtime/nbd/io_thread.hpp"
#include <algorithm>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace forerun::nbd {

namespace {

/// What a unix socket may hold of replies. At the default (208 KiB) a batch rarely fits, and the rest is
/// copied twice: 1 MiB reads then reach 0.7 of what they reach with this. TCP finds its own size.
constexpr int unix_send_bytes = 1 << 20;

void tune(int socket) {
  int family = 0;
  socklen_t length = sizeof family;
  ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &length);
  // A socket that takes none of this still works.
  if (family == AF_UNIX) {
    ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &unix_send_bytes, sizeof unix_send_bytes);
    return;
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

} // namespace

struct server::parts {
  parts(exports& names, const clock& now, const server_options& wanted)
      : options(wanted), shared{names, now, wanted.session, wanted.handshake_time_max} {
    const auto count = std::clamp(options.io_threads, 1u, 64u);
    for (std::uint32_t i = 0; i < count; ++i)
      threads.push_back(std::make_unique<io_thread>(
          io_slot{i}, shared, [this](descriptor socket, const std::optional<std::string>& bound) {
            place(std::move(socket), bound);
          }));
  }

  /// On the first I/O thread, which has all listeners.
  void place(descriptor socket, const std::optional<std::string>& bound) {
    std::uint64_t open = 0;
    for (const auto& each : threads)
      open += each->open();
    if (open >= options.connections_max) {
      refused.add(1);
      return;
    }
    tune(socket.get());
    auto& least = *std::ranges::min_element(threads, {}, [](const auto& each) { return each->open(); });
    least->adopt(std::move(socket), bound);
  }

  server_options options;
  io_shared shared;
  counter refused;
  std::vector<std::unique_ptr<io_thread>> threads;
  mutable std::mutex lock;
  std::map<listener_id, address> listeners;
  std::uint64_t last_listener = 0;
  bool stopped = false;
};

server::server(exports& names, const clock& time, const server_options& options)
    : parts_(std::make_unique<parts>(names, time, options)) {
}

server::~server() {
  stop(nanos{0});
}

result<listener_id> server::add_listener(const address& where, std::optional<std::string> bound) {
  const std::lock_guard lock{parts_->lock};
  if (parts_->stopped)
    return errc::cancelled;
  auto socket = listen_on(where, parts_->options.beyond_loopback);
  if (!socket)
    return socket.error();
  const listener_id id{++parts_->last_listener};
  parts_->listeners[id] = bound_address(socket.value(), where);
  parts_->threads.front()->listen(id.value, std::move(socket).value(), std::move(bound));
  return id;
}

result<address> server::where(listener_id which) const {
  const std::lock_guard lock{parts_->lock};
  const auto found = parts_->listeners.find(which);
  if (found == parts_->listeners.end())
    return errc::not_found;
  return found->second;
}

result<void> server::remove_listener(listener_id which) {
  const std::lock_guard lock{parts_->lock};
  const auto found = parts_->listeners.find(which);
  if (found == parts_->listeners.end())
    return errc::not_found;
  parts_->threads.front()->unlisten(which.value);
  if (found->second.kind == address::family::unix_socket)
    ::unlink(found->second.path.c_str());
  parts_->listeners.erase(found);
  return success();
}

void server::complete(ticket to, result<answer> how, owned_bytes data) {
  if (to.slot < parts_->threads.size())
    parts_->threads[to.slot]->complete(to, how, std::move(data));
}

void server::stop(nanos patience) {
  const std::lock_guard lock{parts_->lock};
  if (std::exchange(parts_->stopped, true))
    return;
  const auto until = parts_->shared.time.now() + patience;
  for (auto& each : parts_->threads)
    each->stop(until);
  for (auto& each : parts_->threads)
    each->join();
  for (const auto& [id, each] : parts_->listeners)
    if (each.kind == address::family::unix_socket)
      ::unlink(each.path.c_str());
  parts_->listeners.clear();
}

void server::disconnect(const std::string& name) {
  for (auto& each : parts_->threads)
    each->disconnect(name);
}

counters server::count() const {
  counters sum;
  sum.connections_refused = parts_->refused.get();
  for (const auto& thread : parts_->threads) {
    const auto& one = thread->count();
    sum.connections_open += thread->open();
    sum.connections_total += thread->adopted();
    sum.handshakes_failed += one.handshakes_failed.get();
    for (std::size_t i = 0; i < request_kinds; ++i)
      sum.requests[i] += one.requests[i].get();
    sum.bytes_read += one.bytes_read.get();
    sum.bytes_written += one.bytes_written.get();
    sum.errors += one.errors.get();
    sum.requests_refused += one.requests_refused.get();
    sum.stalls += one.stalls.get();
  }
  return sum;
}

} // namespace forerun::nbd
