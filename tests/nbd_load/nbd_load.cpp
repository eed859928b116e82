// Random reads from any NBD server on a unix socket, with so little work of its own that the server is what
// is measured: nbd_load SOCKET EXPORT CONNECTIONS DEPTH BYTES SECONDS. Prints one line of figures.
#include "runtime/base/bytes.hpp"
#include "runtime/nbd/descriptor.hpp"
#include "runtime/nbd/protocol.hpp"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <poll.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>

namespace {

using namespace forerun;
using namespace forerun::nbd;
constexpr auto big = std::endian::big;
using timer = std::chrono::steady_clock;

void send_all(int fd, std::span<const std::byte> data) {
  while (!data.empty()) {
    const auto count = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (count <= 0)
      throw std::runtime_error{"the server has gone"};
    data = data.subspan(static_cast<std::size_t>(count));
  }
}

void receive_all(int fd, std::span<std::byte> into) {
  while (!into.empty()) {
    const auto count = ::recv(fd, into.data(), into.size(), 0);
    if (count <= 0)
      throw std::runtime_error{"the server has gone"};
    into = into.subspan(static_cast<std::size_t>(count));
  }
}

class client {
public:
  client(const std::string& path, const std::string& name, std::uint32_t depth, std::uint32_t bytes,
         unsigned seed)
      : bytes_(bytes), random_(seed), requests_(depth * request_bytes),
        input_(2u * depth * (simple_header_bytes + bytes)) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    std::strncpy(where.sun_path, path.c_str(), sizeof where.sun_path - 1);
    socket_ = descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
      throw std::runtime_error{"cannot connect to " + path};
    std::array<std::byte, 18> greeting;
    receive_all(socket_.get(), greeting);
    std::vector<std::byte> hello;
    byte_writer<big> to{hello};
    to.put(std::uint32_t{handshake_flag::fixed_newstyle | handshake_flag::no_zeroes});
    to.put(magic::option);
    to.put(static_cast<std::uint32_t>(option::export_name));
    to.put(static_cast<std::uint32_t>(name.size()));
    to.put_bytes(std::as_bytes(std::span{name}));
    send_all(socket_.get(), hello);
    std::array<std::byte, 10> answer;
    receive_all(socket_.get(), answer);
    blocks_ = get_number<std::uint64_t, big>(answer.data()) / bytes;
  }

  int fd() const { return socket_.get(); }

  /// Takes the open replies and says good-bye: some servers take a sudden end badly.
  void leave() {
    while (open_ > 0)
      take(0);
    wire_request farewell;
    farewell.type = wire_command::disconnect;
    encode_request(farewell, requests_.data());
    send_all(socket_.get(), {requests_.data(), request_bytes});
  }

  void ask(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i)
      encode_request({.flags = 0,
                      .type = wire_command::read,
                      .cookie = next_++,
                      .offset = random_() % blocks_ * bytes_,
                      .length = bytes_},
                     requests_.data() + i * request_bytes);
    send_all(socket_.get(), {requests_.data(), count * request_bytes});
    open_ += count;
  }

  /// Takes what has arrived; returns the number of whole replies.
  std::uint32_t take(int flags) {
    const auto count = ::recv(socket_.get(), input_.data() + filled_, input_.size() - filled_, flags);
    if (count <= 0)
      throw std::runtime_error{"the server has gone"};
    filled_ += static_cast<std::size_t>(count);
    const auto reply_bytes = simple_header_bytes + bytes_;
    std::size_t used = 0;
    std::uint32_t replies = 0;
    for (; filled_ - used >= reply_bytes; used += reply_bytes, ++replies)
      if (get_number<std::uint64_t, big>(input_.data() + used) != std::uint64_t{magic::simple_reply} << 32)
        throw std::runtime_error{"an error, or no reply at all"};
    std::memmove(input_.data(), input_.data() + used, filled_ - used);
    filled_ -= used;
    open_ -= replies;
    return replies;
  }

private:
  descriptor socket_;
  std::uint32_t bytes_;
  std::uint64_t blocks_ = 1;
  std::uint64_t next_ = 0;
  std::uint64_t open_ = 0;
  std::minstd_rand random_;
  std::vector<std::byte> requests_;
  std::vector<std::byte> input_;
  std::size_t filled_ = 0;
};

void round_trips(client& one, double seconds) {
  std::vector<double> taken_us;
  const auto end = timer::now() + std::chrono::duration<double>(seconds);
  for (auto begin = timer::now(); begin < end;) {
    one.ask(1);
    while (one.take(0) == 0) {
    }
    const auto now = timer::now();
    taken_us.push_back(std::chrono::duration<double, std::micro>(now - begin).count());
    begin = now;
  }
  std::ranges::sort(taken_us);
  const auto at = [&](double share) {
    return taken_us[static_cast<std::size_t>(share * (taken_us.size() - 1))];
  };
  std::printf("round_trip_us p50 %.1f p90 %.1f p99 %.1f count %zu\n", at(0.5), at(0.9), at(0.99),
              taken_us.size());
}

void throughput(std::vector<client>& all, std::uint32_t depth, double seconds) {
  std::vector<pollfd> watched;
  for (auto& each : all) {
    each.ask(depth);
    watched.push_back({.fd = each.fd(), .events = POLLIN, .revents = 0});
  }
  std::uint64_t replies = 0;
  const auto begin = timer::now();
  auto now = begin;
  while (now < begin + std::chrono::duration<double>(seconds)) {
    ::poll(watched.data(), watched.size(), 1000);
    for (std::size_t i = 0; i < all.size(); ++i)
      if (watched[i].revents != 0)
        if (const auto count = all[i].take(MSG_DONTWAIT); count > 0) {
          replies += count;
          all[i].ask(count);
        }
    now = timer::now();
  }
  std::printf("iops %.0f\n",
              static_cast<double>(replies) / std::chrono::duration<double>(now - begin).count());
}

} // namespace

int main(int count, char** words) try {
  if (count != 7) {
    std::fprintf(stderr, "usage: %s SOCKET EXPORT CONNECTIONS DEPTH BYTES SECONDS\n", words[0]);
    return 2;
  }
  const auto connections = std::stoul(words[3]);
  const auto depth = static_cast<std::uint32_t>(std::stoul(words[4]));
  std::vector<client> all;
  for (unsigned i = 0; i < connections; ++i)
    all.emplace_back(words[1], words[2], depth, static_cast<std::uint32_t>(std::stoul(words[5])), i + 1);
  if (connections == 1 && depth == 1)
    round_trips(all.front(), std::stod(words[6]));
  else
    throughput(all, depth, std::stod(words[6]));
  for (auto& each : all)
    each.leave();
} catch (const std::exception& fault) {
  std::fprintf(stderr, "nbd_load: %s\n", fault.what());
  return 1;
}
