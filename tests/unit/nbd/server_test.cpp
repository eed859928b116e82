#include "tests/unit/nbd/raw_client.hpp"
#include "tests/unit/nbd/stage.hpp"
#include "tests/unit/nbd/threaded_device.hpp"
#include <doctest/doctest.h>
#include <fstream>
#include <functional>
#include <sys/stat.h>

using namespace forerun;
using namespace forerun::nbd;
using namespace forerun::nbd::wire;

namespace {

constexpr std::uint64_t mib = 1u << 20;

export_info about(const std::string& name, std::uint64_t size = 8 * mib) {
  return {.name = name, .description = "", .bytes = size, .read_only = false};
}

/// Gives other threads up to ten seconds to make it so.
bool soon(const std::function<bool()>& holds) {
  for (int i = 0; i < 10000; ++i) {
    if (holds())
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return false;
}

struct one_disk {
  exports_map names;
  std::shared_ptr<memory_device> disk = std::make_shared<memory_device>(about("a"));
  stage on;
  explicit one_disk(server_options options = {}) : on((names.add(disk), names), options) {}
  raw_client attached() {
    raw_client out{on.path()};
    out.attach("a");
    return out;
  }
};

bytes numbered(std::size_t size, unsigned from) {
  bytes out(size);
  for (std::size_t i = 0; i < size; ++i)
    out[i] = static_cast<std::byte>(i * 7 + from);
  return out;
}

} // namespace

TEST_CASE("a client that takes its replies late gets all of them") {
  one_disk with;
  with.disk->bytes() = numbered(8 * mib, 3);
  auto client = with.attached();
  constexpr unsigned count = 20;
  for (unsigned i = 0; i < count; ++i)
    client.put(ask(wire_command::read, i * 4096, 3 * mib, i));
  for (unsigned i = 0; i < count; ++i) {
    const auto got = client.get(simple_header_bytes + 3 * mib);
    reader in{got};
    const auto one = take_reply(in, 3 * mib);
    CHECK(one.cookie == i);
    CHECK(std::ranges::equal(one.data, std::span{with.disk->bytes()}.subspan(i * 4096, 3 * mib)));
  }
}

TEST_CASE("writes of any length arrive whole, whatever comes before and after them") {
  one_disk with;
  auto client = with.attached();
  bytes expected(8 * mib);
  std::uint64_t at = 0;
  for (const std::size_t size : {1u, 4096u, 16000u, 16500u, 70000u, 1u << 20, 5000u, 3u << 20, 28u, 65536u}) {
    const auto payload = numbered(size, static_cast<unsigned>(size));
    client.put(ask(wire_command::write, at, static_cast<std::uint32_t>(size)) + payload +
               ask(wire_command::flush, 0, 0));
    std::ranges::copy(payload, expected.begin() + static_cast<std::ptrdiff_t>(at));
    at += size + 13;
  }
  for (int i = 0; i < 20; ++i) {
    const auto got = client.get(simple_header_bytes);
    reader in{got};
    CHECK(take_reply(in).error == wire_error::none);
  }
  CHECK(with.disk->bytes() == expected);
}

TEST_CASE("a client that leaves in the middle of a write changes nothing") {
  one_disk with;
  auto client = with.attached();
  client.put(ask(wire_command::write, 0, 100000) + bytes(50000, std::byte{1}));
  client.close();
  CHECK(soon([&] { return with.disk->detached_count == 1; }));
  CHECK(with.disk->started_count == 0);
  CHECK(with.on.server().count().connections_open == 0);
}

TEST_CASE("requests sent before the end of a one-way farewell are answered") {
  one_disk with;
  auto client = with.attached();
  client.put(ask(wire_command::read, 0, 100, 1) + ask(wire_command::read, 0, 100, 2));
  client.finish_sending();
  client.get(2 * (simple_header_bytes + 100));
  CHECK(client.ends());
}

TEST_CASE("a wrong magic ends the connection and no other") {
  one_disk with;
  auto bad = with.attached();
  auto good = with.attached();
  bad.put(bytes(request_bytes));
  CHECK(bad.ends());
  good.put(ask(wire_command::read, 0, 10));
  CHECK(good.get(simple_header_bytes + 10).size() == 26);
}

TEST_CASE("noise instead of a handshake ends the connection") {
  one_disk with;
  for (unsigned seed = 0; seed < 20; ++seed) {
    raw_client client{with.on.path()};
    client.get(18);
    client.put(numbered(400, seed));
    CHECK(client.ends());
  }
  CHECK(soon([&] { return with.on.server().count().handshakes_failed == 20; }));
}

TEST_CASE("a handshake that takes too long ends") {
  server_options options;
  options.handshake_time_max = std::chrono::milliseconds{30};
  one_disk with{options};
  raw_client slow{with.on.path()};
  slow.get(18);
  slow.put(hello());
  auto quick = with.attached();
  CHECK(slow.ends());
  quick.put(ask(wire_command::flush, 0, 0));
  quick.get(simple_header_bytes);
}

TEST_CASE("clients past the limit are turned away until one leaves") {
  server_options options;
  options.connections_max = 2;
  one_disk with{options};
  auto first = with.attached();
  auto second = with.attached();
  CHECK(raw_client{with.on.path()}.ends());
  CHECK(with.on.server().count().connections_refused == 1);
  first.close();
  CHECK(soon([&] { return with.on.server().count().connections_open == 1; }));
  with.attached();
}

TEST_CASE("answers from another thread find their requests") {
  for (const unsigned stall_every : {0u, 7u}) {
    exports_map names;
    const auto disk = std::make_shared<threaded_device>(about("a"), 3, stall_every);
    names.add(disk);
    stage on{names};
    disk->answer_to(on.server());
    std::vector<std::thread> clients;
    std::atomic<int> right{0};
    for (unsigned number = 0; number < 4; ++number)
      clients.emplace_back([&, number] {
        raw_client client{on.path()};
        client.attach("a");
        const std::uint64_t base = number * 2 * mib;
        for (unsigned round = 0; round < 30; ++round) {
          bytes writes, reads;
          for (unsigned i = 0; i < 16; ++i) {
            writes =
                writes + ask(wire_command::write, base + i * 4096, 4096) + numbered(4096, round * 31 + i);
            reads = reads + ask(wire_command::read, base + i * 4096, 4096, i);
          }
          client.put(writes);
          client.get(16 * simple_header_bytes);
          client.put(reads);
          const auto got = client.get(16 * (simple_header_bytes + 4096));
          reader in{got};
          for (unsigned i = 0; i < 16; ++i) {
            const auto one = take_reply(in, 4096);
            right += one.data == numbered(4096, round * 31 + static_cast<unsigned>(one.cookie));
          }
        }
      });
    for (auto& each : clients)
      each.join();
    CHECK(right == 4 * 30 * 16);
    on.server().stop();
    CHECK(disk->started_count == disk->answered_count);
    CHECK(disk->attached_count == disk->detached_count);
  }
}

TEST_CASE("a late answer for a connection that has gone does nothing") {
  exports_map names;
  const auto disk = std::make_shared<threaded_device>(about("a"), 1);
  names.add(disk);
  stage on{names};
  disk->answer_to(on.server());
  disk->hold(true);
  {
    raw_client client{on.path()};
    client.attach("a");
    client.put(ask(wire_command::read, 0, 4096, 1) + ask(wire_command::flush, 0, 0, 2));
    CHECK(soon([&] { return disk->waiting() == 2; }));
  }
  CHECK(soon([&] { return disk->detached_count == 1; }));
  CHECK(disk->failed_count == 2);
  raw_client next{on.path()};
  next.attach("a");
  disk->hold(false);
  CHECK(soon([&] { return disk->waiting() == 0; }));
  next.put(ask(wire_command::flush, 0, 0, 9));
  const auto got = next.get(simple_header_bytes);
  reader in{got};
  CHECK(take_reply(in).cookie == 9);
}

TEST_CASE("stop answers what is open and then closes") {
  exports_map names;
  const auto disk = std::make_shared<threaded_device>(about("a"), 1);
  names.add(disk);
  stage on{names};
  disk->answer_to(on.server());
  disk->hold(true);
  raw_client client{on.path()};
  client.attach("a");
  client.put(ask(wire_command::flush, 0, 0, 1));
  CHECK(soon([&] { return disk->waiting() == 1; }));
  std::thread stopper{[&] { on.server().stop(std::chrono::seconds{10}); }};
  disk->hold(false);
  CHECK(client.get(simple_header_bytes).size() == simple_header_bytes);
  CHECK(client.ends());
  stopper.join();
  CHECK_FALSE(std::filesystem::exists(on.path()));
  CHECK(on.server().add_listener(parse_address("unix:" + on.path()).value()).error() == errc::cancelled);
}

TEST_CASE("stop does not wait longer than it was told") {
  exports_map names;
  const auto disk = std::make_shared<threaded_device>(about("a"), 1);
  names.add(disk);
  stage on{names};
  disk->answer_to(on.server());
  disk->hold(true);
  raw_client client{on.path()};
  client.attach("a");
  client.put(ask(wire_command::flush, 0, 0, 1));
  CHECK(soon([&] { return disk->waiting() == 1; }));
  on.server().stop(std::chrono::milliseconds{20});
  CHECK(client.ends());
  CHECK(disk->failed_count == 1);
}

TEST_CASE("an export's connections can be ended, others stay") {
  one_disk with;
  with.names.add(std::make_shared<memory_device>(about("b")));
  auto first = with.attached();
  raw_client other{with.on.path()};
  other.attach("b");
  with.on.server().disconnect("a");
  CHECK(first.ends());
  other.put(ask(wire_command::flush, 0, 0));
  other.get(simple_header_bytes);
}

TEST_CASE("listeners come and go while clients stay") {
  one_disk with;
  auto client = with.attached();
  auto& server = with.on.server();
  const auto extra = parse_address("unix:" + with.on.path() + ".extra").value();
  const auto id = server.add_listener(extra, "a");
  REQUIRE(id);
  CHECK(server.add_listener(extra).error() == errc::busy);
  raw_client by_extra{extra.path};
  by_extra.attach("");
  struct stat file {};
  CHECK(::stat(extra.path.c_str(), &file) == 0);
  CHECK((file.st_mode & 0777) == 0600);
  CHECK(server.remove_listener(id.value()));
  CHECK(server.remove_listener(id.value()).error() == errc::not_found);
  CHECK_THROWS(raw_client{extra.path});
  for (auto* each : {&client, &by_extra}) {
    each->put(ask(wire_command::flush, 0, 0));
    each->get(simple_header_bytes);
  }
}

TEST_CASE("a socket that a dead server left is taken over, another file is not") {
  one_disk with;
  const auto left = with.on.path() + ".left";
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, left.c_str(), sizeof name.sun_path - 1);
  {
    const descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
  }
  CHECK(with.on.server().add_listener(parse_address("unix:" + left).value()));
  const auto file = with.on.path() + ".file";
  std::ofstream{file} << "mine";
  CHECK(with.on.server().add_listener(parse_address("unix:" + file).value()).error() == errc::busy);
  CHECK(std::filesystem::file_size(file) == 4);
}

TEST_CASE("TCP is for this machine unless more is allowed") {
  one_disk with;
  const auto id = with.on.server().add_listener(parse_address("tcp:127.0.0.1:0").value());
  REQUIRE(id);
  CHECK(with.on.server().where(id.value()).value().port != 0);
  CHECK(with.on.server().add_listener(parse_address("tcp:0.0.0.0:0").value()).error() ==
        errc::permission_denied);
}

TEST_CASE("what a server did is counted") {
  one_disk with;
  auto client = with.attached();
  client.put(ask(wire_command::read, 0, 100) + ask(wire_command::write, 0, 50) + bytes(50) +
             ask(wire_command::read, 9 * mib, 1) + ask(wire_command::flush, 0, 0));
  client.get(4 * simple_header_bytes + 100);
  const auto count = with.on.server().count();
  CHECK(count.connections_open == 1);
  CHECK(count.connections_total == 1);
  CHECK(count.requests[static_cast<std::size_t>(command::read)] == 1);
  CHECK(count.requests[static_cast<std::size_t>(command::write)] == 1);
  CHECK(count.requests[static_cast<std::size_t>(command::flush)] == 1);
  CHECK(count.bytes_read == 100);
  CHECK(count.bytes_written == 50);
  CHECK(count.requests_refused == 1);
  CHECK(count.errors == 0);
}
