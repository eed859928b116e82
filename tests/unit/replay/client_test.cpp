#include "runtime/base/bytes.hpp"
#include "runtime/nbd/client.hpp"
#include "runtime/nbd/protocol.hpp"
#include "tests/unit/nbd/stage.hpp"
#include "tests/unit/nbd/threaded_device.hpp"
#include <array>
#include <doctest/doctest.h>
#include <poll.h>
#include <set>
#include <sys/socket.h>

using namespace forerun;
using namespace std::chrono_literals;
using nbd::client;

namespace {

constexpr auto big = std::endian::big;

address at(const std::string& path) {
  return parse_address("unix:" + path).value();
}

std::vector<std::byte> filled(std::size_t bytes, int what) {
  return std::vector<std::byte>(bytes, static_cast<std::byte>(what));
}

/// Shakes hands, takes one request and says what the test wants, with the request's cookie where it writes
/// `cookie_here`. Then it closes.
class canned_server {
public:
  static constexpr std::uint64_t cookie_here = 0xc00c1ec00c1ec00cu;

  explicit canned_server(std::vector<std::byte> answer, bool structured) : answer_(std::move(answer)) {
    thread_ = std::thread([this, structured] { serve(structured); });
  }
  canned_server(const canned_server&) = delete;
  canned_server& operator=(const canned_server&) = delete;
  ~canned_server() { thread_.join(); }
  address where() const { return nbd::bound_address(listening_, anywhere); }

private:
  static inline const address anywhere = parse_address("tcp:127.0.0.1:0").value();

  std::vector<std::byte> take(std::size_t count) const {
    std::vector<std::byte> out(count);
    if (count == 0) // The system would wait for the next byte.
      return out;
    CHECK(::recv(fd_, out.data(), count, MSG_WAITALL) == static_cast<ssize_t>(count));
    return out;
  }
  void say(const std::vector<std::byte>& what) const {
    CHECK(::send(fd_, what.data(), what.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(what.size()));
  }
  void reply(nbd::option what, nbd::option_reply kind, const std::vector<std::byte>& data) const {
    std::vector<std::byte> out;
    byte_writer<big> into(out);
    into.put(nbd::magic::option_reply);
    into.put(static_cast<std::uint32_t>(what));
    into.put(static_cast<std::uint32_t>(kind));
    into.put(static_cast<std::uint32_t>(data.size()));
    into.put_bytes(data);
    say(out);
  }
  void take_option() const {
    const auto head = take(16);
    take(get_number<std::uint32_t, big>(head.data() + 12));
  }

  void serve(bool structured) {
    pollfd ready{listening_.get(), POLLIN, 0};
    REQUIRE(::poll(&ready, 1, 20000) == 1);
    fd_ = ::accept(listening_.get(), nullptr, nullptr);
    std::vector<std::byte> hello;
    byte_writer<big> into(hello);
    into.put(nbd::magic::hello);
    into.put(nbd::magic::option);
    into.put(std::uint16_t{3});
    say(hello);
    take(4);
    if (structured) {
      take_option();
      reply(nbd::option::structured_reply, nbd::option_reply::ack, {});
    }
    take_option();
    std::vector<std::byte> about;
    byte_writer<big> info(about);
    info.put(std::uint16_t{0});
    info.put(std::uint64_t{1} << 20);
    info.put(std::uint16_t{1});
    reply(nbd::option::go, nbd::option_reply::info, about);
    reply(nbd::option::go, nbd::option_reply::ack, {});
    const auto request = take(nbd::request_bytes);
    for (std::size_t i = 0; i + 8 <= answer_.size(); ++i)
      if (get_number<std::uint64_t, big>(answer_.data() + i) == cookie_here)
        std::copy_n(request.begin() + 8, 8, answer_.begin() + static_cast<std::ptrdiff_t>(i));
    say(answer_);
    ::shutdown(fd_, SHUT_RDWR);
    ::close(fd_);
  }

  nbd::descriptor listening_ = make_listening();
  static nbd::descriptor make_listening() {
    auto made = nbd::listen_on(anywhere, false);
    return std::move(made).value();
  }
  int fd_ = -1;
  std::vector<std::byte> answer_;
  std::thread thread_;
};

/// What the client says to a read of 8 bytes that is answered so.
result<void> read_from(std::vector<std::byte> answer, bool structured, std::span<std::byte> into) {
  canned_server server(std::move(answer), structured);
  auto over = client::connect(server.where(), "", {.structured = structured, .silence_max = 5s}).value();
  const auto got = over.read(512, into);
  if (!got && got.error() == errc::corrupt) {
    CHECK(over.broken());
    CHECK(over.read(512, into).error() == errc::unavailable);
  }
  return got;
}

result<void> read_from(std::vector<std::byte> answer, bool structured) {
  std::array<std::byte, 8> into;
  return read_from(std::move(answer), structured, into);
}

std::vector<std::byte> simple(std::uint32_t error, std::uint64_t cookie, std::size_t more) {
  std::vector<std::byte> out;
  byte_writer<big> into(out);
  into.put(nbd::magic::simple_reply);
  into.put(error);
  into.put(cookie);
  out.resize(out.size() + more, std::byte{7});
  return out;
}

std::vector<std::byte> chunk(std::uint16_t flags, std::uint16_t kind, const std::vector<std::byte>& payload,
                             std::uint64_t cookie = canned_server::cookie_here) {
  std::vector<std::byte> out;
  byte_writer<big> into(out);
  into.put(nbd::magic::structured_reply);
  into.put(flags);
  into.put(kind);
  into.put(cookie);
  into.put(static_cast<std::uint32_t>(payload.size()));
  into.put_bytes(payload);
  return out;
}

std::vector<std::byte> at_offset(std::uint64_t offset, const std::vector<std::byte>& data) {
  std::vector<std::byte> out;
  byte_writer<big> into(out);
  into.put(offset);
  into.put_bytes(data);
  return out;
}

std::vector<std::byte> operator+(std::vector<std::byte> a, const std::vector<std::byte>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

} // namespace

TEST_CASE("the client reads back what it wrote, with simple and with structured replies") {
  nbd::exports_map names;
  names.add(std::make_shared<nbd::memory_device>(nbd::export_info{"disk", "", 4u << 20, false}));
  const nbd::stage on(names);
  for (const auto structured : {false, true}) {
    auto over = client::connect(at(on.path()), "disk", {.structured = structured}).value();
    CHECK(over.structured() == structured);
    CHECK(over.bytes() == 4u << 20);
    CHECK(over.write(4096, filled(1u << 20, 5)));
    CHECK(over.flush());
    auto got = filled((1u << 20) + 8192, 1);
    CHECK(over.read(0, got));
    CHECK(got == filled(4096, 0) + filled(1u << 20, 5) + filled(4096, 0));
    CHECK(over.trim(4096, 4096));
    CHECK(over.write_zeroes(8192, 1u << 20));
    CHECK(over.cache(0, 4096));
    CHECK(over.read(0, got));
    CHECK(got == filled(got.size(), 0));
  }
}

TEST_CASE("errors of single requests leave the connection usable") {
  nbd::exports_map names;
  names.add(std::make_shared<nbd::memory_device>(nbd::export_info{"disk", "", 1u << 20, true}));
  const nbd::stage on(names);
  CHECK(client::connect(at(on.path()), "nothing").error() == errc::not_found);
  for (const auto structured : {false, true}) {
    auto over = client::connect(at(on.path()), "disk", {.structured = structured}).value();
    auto got = filled(4096, 1);
    CHECK(over.read(1u << 20, got).error() == errc::invalid_argument);
    CHECK(over.write(0, got).error() == errc::read_only);
    CHECK(over.read(0, got));
    CHECK(got == filled(4096, 0));
  }
}

TEST_CASE("pipelined requests find their answers in any order") {
  for (const auto structured : {false, true}) {
    const auto device =
        std::make_shared<nbd::threaded_device>(nbd::export_info{"disk", "", 8u << 20, false}, 2);
    nbd::exports_map names;
    names.add(device);
    nbd::stage on(names);
    device->answer_to(on.server());
    auto over = client::connect(at(on.path()), "disk", {.structured = structured}).value();
    for (int i = 0; i < 128; ++i)
      CHECK(over.write(std::uint64_t(i) * 65536, filled(65536, i)));
    over.gather_sends(true);
    std::vector<std::vector<std::byte>> data(128, filled(65536, 255));
    std::set<client::cookie> open;
    for (std::size_t i = 0; i < 128; ++i)
      open.insert(over.submit_read(i * 65536, data[i]).value());
    CHECK(over.open() == 128);
    while (!open.empty()) {
      const auto reply = over.reap(10s).value();
      REQUIRE(reply);
      CHECK(reply->how);
      CHECK(open.erase(reply->id) == 1);
    }
    CHECK(!over.reap(0s).value());
    for (int i = 0; i < 128; ++i)
      CHECK(data[std::size_t(i)] == filled(65536, i));
  }
}

TEST_CASE("a full socket in both directions does not stop the client") {
  nbd::exports_map names;
  names.add(std::make_shared<nbd::memory_device>(nbd::export_info{"disk", "", 16u << 20, false}));
  const nbd::stage on(names);
  auto over = client::connect(at(on.path()), "disk").value();
  std::vector<std::vector<std::byte>> data(64, filled(1u << 20, 1));
  const auto written = filled(1u << 20, 9);
  std::size_t submitted = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    REQUIRE(over.submit_read((i % 8) << 20, data[i]));
    REQUIRE(over.submit_write((8 + i % 8) << 20, written));
    submitted += 2;
  }
  while (submitted != 0) {
    const auto reply = over.reap(20s).value();
    REQUIRE(reply);
    CHECK(reply->how);
    --submitted;
  }
}

TEST_CASE("reaping waits no longer than it is told to") {
  const auto device =
      std::make_shared<nbd::threaded_device>(nbd::export_info{"disk", "", 1u << 20, false}, 1);
  nbd::exports_map names;
  names.add(device);
  nbd::stage on(names);
  device->answer_to(on.server());
  device->hold(true);
  auto over = client::connect(at(on.path()), "disk").value();
  auto got = filled(512, 1);
  REQUIRE(over.submit_read(0, got));
  CHECK(!over.reap(1ms).value());
  device->hold(false);
  CHECK(over.reap(10s).value());
}

TEST_CASE("a server that goes, or is silent, is an error and no hang") {
  std::array<std::byte, 8> into;
  CHECK(read_from({}, false).error() == errc::unavailable);
  CHECK(read_from(simple(0, canned_server::cookie_here, 4), false).error() == errc::unavailable);
  CHECK(client::connect(parse_address("unix:/nowhere/s").value(), "").error() == errc::unavailable);
  const auto device =
      std::make_shared<nbd::threaded_device>(nbd::export_info{"disk", "", 1u << 20, false}, 1);
  nbd::exports_map names;
  names.add(device);
  nbd::stage on(names);
  device->answer_to(on.server());
  device->hold(true);
  auto over = client::connect(at(on.path()), "disk", {.silence_max = 50ms}).value();
  CHECK(over.read(0, into).error() == errc::timed_out);
  CHECK(over.broken());
}

TEST_CASE("a server that breaks the protocol is found out") {
  constexpr auto cookie = canned_server::cookie_here;
  CHECK(read_from(simple(0, cookie, 8), false));
  CHECK(read_from(simple(5, cookie, 0), false).error() == errc::io_failed);
  CHECK(read_from(simple(0, 12345, 8), false).error() == errc::corrupt);
  CHECK(read_from(simple(5, cookie, 8), false).error() == errc::corrupt);
  CHECK(read_from(filled(24, 0x55), false).error() == errc::corrupt);
  CHECK(read_from(chunk(1, 1, at_offset(512, filled(8, 7))), false).error() == errc::corrupt);
  CHECK(read_from(simple(0, cookie, 8), true).error() == errc::corrupt);
}

TEST_CASE("chunks are put together, and those that do not fit are refused") {
  const auto eight = filled(8, 7);
  const std::vector<std::byte> hole{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{4}};
  std::array<std::byte, 8> into;
  CHECK(read_from(chunk(0, 1, at_offset(516, filled(4, 6))) + chunk(1, 2, at_offset(512, hole)), true, into));
  CHECK(std::vector<std::byte>(into.begin(), into.end()) == filled(4, 0) + filled(4, 6));
  CHECK(read_from(chunk(1, 1, at_offset(512, eight)), true));
  CHECK(read_from(chunk(0, 1, at_offset(512, eight)) + chunk(1, 0, {}), true));
  CHECK(read_from(chunk(1, 1, at_offset(511, eight)), true).error() == errc::corrupt);
  CHECK(read_from(chunk(1, 1, at_offset(513, eight)), true).error() == errc::corrupt);
  CHECK(read_from(chunk(1, 1, at_offset(~0ull, eight)), true).error() == errc::corrupt);
  CHECK(read_from(chunk(1, 1, at_offset(512, filled(4, 7))), true).error() == errc::corrupt);
  CHECK(read_from(chunk(1, 1, filled(4, 0)), true).error() == errc::corrupt);
  CHECK(read_from(chunk(1, 0, {}), true).error() == errc::corrupt);
  CHECK(read_from(chunk(1, 99, {}), true).error() == errc::corrupt);
  CHECK(read_from(chunk(1, 1, at_offset(512, eight), 99), true).error() == errc::corrupt);
  const std::vector<std::byte> no_space{std::byte{0},  std::byte{0}, std::byte{0},
                                        std::byte{28}, std::byte{0}, std::byte{0}};
  CHECK(read_from(chunk(1, 0x8001, no_space), true).error() == errc::no_space);
  CHECK(read_from(chunk(1, 0x8001, filled(3, 0)), true).error() == errc::corrupt);
}
