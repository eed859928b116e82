#include "schemas/wire/control.capnp.h"
#include "tests/unit/control/asking.hpp"
#include <capnp/rpc-twoparty.h>
#include <fstream>
#include <kj/async-io.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace forerun;
using namespace forerun::control;
using namespace std::chrono_literals;

namespace {

/// A socket without any protocol.
class raw_socket {
public:
  explicit raw_socket(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
    const timeval limit{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~raw_socket() { ::close(fd_); }
  raw_socket(const raw_socket&) = delete;
  raw_socket& operator=(const raw_socket&) = delete;
  bool send(std::string_view bytes) const {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  /// True when the other side has hung up within 5 s, whatever it said before.
  bool hung_up() const {
    char byte[4096];
    ssize_t got = 0;
    while ((got = ::recv(fd_, byte, sizeof byte, 0)) > 0) {
    }
    return got == 0 || errno == ECONNRESET;
  }

private:
  int fd_;
};

} // namespace

TEST_CASE("every call brings back what the node answered") {
  served_node served("tcp:127.0.0.1:0");
  auto tool = connected(served);

  const auto status = value(tool.status());
  CHECK(status.version == "0.1.0");
  CHECK(status.uptime == 200s);
  CHECK(status.data_dir == "/state");
  CHECK(status.disk_limit_bytes == 10ull << 30);
  CHECK(status.prefetch.queue_depth == 7);
  CHECK(status.prefetch.delay == 10ms);
  CHECK(status.prefetch.threshold == 0.25);
  CHECK(status.provenance.strict);
  CHECK(status.provenance.head_hash == "ab12");
  CHECK(status.provenance.public_key == "c0de");
  CHECK(status.nbd_addresses == std::vector<std::string>{"unix:/state/nbd.sock"});
  CHECK(status.metrics_url == served.server->metrics_url());

  const auto actors = value(tool.actors());
  REQUIRE(actors.size() == 1);
  CHECK(actors[0].last_error == "io failed");

  const auto volumes = value(tool.volumes());
  REQUIRE(volumes.size() == 1);
  CHECK(volumes[0].counters.misses == 6);
  CHECK(volumes[0].counters.stall_seconds == 1.25);
  CHECK(volumes[0].addresses.size() == 1);
  CHECK(volumes[0].audit == audit_policy::relaxed);

  volume_spec spec{.name = "new",
                   .image = "file:/a.img",
                   .bytes = 1u << 20,
                   .program = "db",
                   .listen = "unix:/a.sock",
                   .read_only = true,
                   .audit = audit_policy::strict};
  CHECK(value(tool.create_volume(spec)).bytes == 1u << 20);
  CHECK(served.node.created == spec);
  CHECK(value(tool.delete_volume("debian")) == done{});
  CHECK(value(tool.export_volume("debian", "unix:/b.sock")).addresses.back() == "unix:/b.sock");
  CHECK(value(tool.drop_cache()).disk_bytes == 2u << 20);

  const auto heat = value(tool.heat("debian", 3));
  REQUIRE(heat.rows.size() == 3);
  const auto told = value(tool.predictions(""));
  REQUIRE(told.size() == 2);
  CHECK(told[0].bins == std::vector<calibration_bin>{{0.1, 0.2, 400}, {0.9, 0.85, 600}});
  CHECK(told[0].drifts == 2);
  CHECK(told[0].judged);
  CHECK(!told[1].judged);
  CHECK(heat.rows[2] == heat_row{128, 64, 0.5, 0.25, 2});

  const auto files = value(tool.file_heat("debian", 3));
  CHECK(files.files == 14434);
  REQUIRE(files.rows.size() == 3);
  CHECK(files.rows[2] == file_heat_row{"/usr/bin/2", 5000, 2, 0.5, 0.25});

  const auto why = value(tool.why("debian", 77));
  CHECK(why.block == 77);
  CHECK(why.place == block_place::memory);
  CHECK(why.settled == settlement::hit);
  CHECK(why.by == expert::history);
  CHECK(why.tier == prefetch_tier::critical);
  CHECK(why.read_after == nanos{38ms});

  const auto history = value(tool.history("debian", 5, 2));
  REQUIRE(history.size() == 2);
  CHECK(history[0].op == operation::write);
  CHECK(history[0].digest == "00ff");
  CHECK(history[0].at.ns == 1'700'000'000'123'456'789);

  const auto verified = value(tool.verify("beef"));
  CHECK(verified.intact);
  CHECK(verified.dropped_segments == 4);
  CHECK(verified.dropped_damaged == 1);
  CHECK(verified.dropped_records == 5000);
  CHECK(verified.dropped_bytes == 1u << 20);
  CHECK(verified.dropped_until == wall_time{1'700'000'000'000'000'000});
  CHECK(verified.anchors == 3);
  CHECK(verified.last_anchor == wall_time{1'700'000'600'000'000'000});
  CHECK(verified.public_key == "beef");
  CHECK(value(tool.begin_run("debian", "")).program == "gcc");
  CHECK(value(tool.end_run("debian")).run == 10);
}

TEST_CASE("a refusal arrives with its reason and its remedy") {
  served_node served;
  auto tool = connected(served);
  const failure gone{errc::not_found, "there is no volume named x", "`forerun volume list` names them"};
  CHECK(refusal(tool.heat("x", 1)) == gone);
  CHECK(refusal(tool.predictions("x")) == gone);
  CHECK(refusal(tool.create_volume(
                    {.name = "debian", .image = "file:/a", .bytes = {}, .program = "", .listen = ""}))
            .code == errc::exists);
}

TEST_CASE("what no node should be asked never reaches it") {
  served_node served;
  auto tool = connected(served);
  const auto code = [&](volume_spec spec) { return refusal(tool.create_volume(spec)).code; };
  const volume_spec good{.name = "new", .image = "file:/a", .bytes = {}, .program = "", .listen = ""};
  auto bad = good;
  bad.name = "../new";
  CHECK(code(bad) == errc::invalid_argument);
  bad = good;
  bad.image = "ftp://h/a";
  CHECK(code(bad) == errc::invalid_argument);
  bad = good;
  bad.listen = "unix:relative";
  CHECK(code(bad) == errc::invalid_argument);
  bad = good;
  bad.program = "\x1b[2J";
  CHECK(code(bad) == errc::invalid_argument);
  bad = good;
  bad.image.clear();
  CHECK(code(bad) == errc::invalid_argument);
  CHECK(refusal(tool.delete_volume("")).code == errc::invalid_argument);
  CHECK(refusal(tool.why(std::string(1000, 'x'), 0)).code == errc::invalid_argument);
  CHECK(served.node.created.name.empty());
}

TEST_CASE("rows are bounded whatever a tool asks for") {
  served_node served;
  auto tool = connected(served);
  CHECK(value(tool.heat("debian", 0)).rows.size() == heat_rows_max);
  CHECK(value(tool.heat("debian", 4'000'000'000)).rows.size() == heat_rows_max);
  CHECK(value(tool.file_heat("debian", 4'000'000'000)).rows.size() == file_rows_max);
  CHECK(value(tool.history("debian", 0, 4'000'000'000)).size() == history_rows_max);
}

TEST_CASE("only the owner may connect") {
  served_node served;
  struct stat found {};
  REQUIRE(::stat(served.socket().c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
}

TEST_CASE("without a node the tool says so and what to do") {
  scratch_folder folder;
  const auto why = refusal(client::connect(folder / "control.sock"));
  CHECK(why.code == errc::unavailable);
  CHECK(why.what == "no node answers at " + (folder / "control.sock"));
  CHECK(why.remedy.find("forerun-node") != std::string::npos);
}

TEST_CASE("a socket left by a dead node is replaced, a live one and other files are not") {
  scratch_folder folder;
  fake_node node;
  const auto path = folder / "control.sock";
  {
    const auto fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
    ::close(fd);
  }
  auto first = control_server::start({path, "", {}}, node);
  REQUIRE(first.index() == 0);
  auto second = control_server::start({path, "", {}}, node);
  REQUIRE(second.index() == 1);
  CHECK(std::get<1>(second).code == errc::busy);
  CHECK(value(connected(path).verify()).intact);

  std::ofstream(folder / "file") << "precious";
  auto third = control_server::start({folder / "file", "", {}}, node);
  REQUIRE(third.index() == 1);
  CHECK(std::get<1>(third).code == errc::exists);
  CHECK(std::filesystem::exists(folder / "file"));
}

TEST_CASE("after a stop the socket is gone and tools are told") {
  served_node served;
  auto tool = connected(served);
  value(tool.status());
  served.server->stop();
  CHECK_FALSE(std::filesystem::exists(served.socket()));
  CHECK(refusal(tool.status()).code == errc::unavailable);
}

TEST_CASE("a stop does not wait for a node that never answers") {
  served_node served;
  served.node.silent = true;
  auto tool = connected(served);
  tool.give_up_after(50ms);
  CHECK(refusal(tool.status()).code == errc::timed_out);
  served.server->stop();
}

TEST_CASE("a call that the node lets go is answered") {
  served_node served;
  served.node.forgets = true;
  auto tool = connected(served);
  CHECK(refusal(tool.status()).what == "the node gave the call up");
}

TEST_CASE("a node that never answers gathers no calls past the limit") {
  served_node served;
  served.node.silent = true;
  auto tool = connected(served);
  tool.give_up_after(1ms);
  for (std::size_t i = 0; i < open_calls_max; ++i)
    CHECK(refusal(tool.drop_cache()).code == errc::timed_out);
  tool.give_up_after(5s);
  CHECK(refusal(tool.drop_cache()).code == errc::overloaded);
}

TEST_CASE("junk closes its connection and no other") {
  served_node served;
  auto tool = connected(served);
  const std::string_view junk[] = {
      "GET / HTTP/1.0\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
      {"\xff\xff\xff\xff\xff\xff\xff\xff", 8},
      {"\x00\x00\x00\x00\xff\xff\xff\x0f", 8},                                  // one segment of 2 GiB
      {"\x00\x00\x00\x00\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", 16}, // a pointer to nowhere
  };
  for (const auto& bytes : junk) {
    const raw_socket client(served.socket());
    REQUIRE(client.send(bytes));
    CHECK(client.hung_up());
    CHECK(value(tool.status()).volumes == 1);
  }
}

TEST_CASE("clients that freeze before they call give way to those that do not") {
  served_node served;
  std::vector<std::unique_ptr<raw_socket>> frozen;
  for (std::size_t i = 0; i < connections_max; ++i) {
    frozen.push_back(std::make_unique<raw_socket>(served.socket()));
    REQUIRE(frozen.back()->send(std::string_view("\0\0\0\0", 4)));
  }
  for (int i = 0; i < 3; ++i) {
    auto tool = connected(served);
    CHECK(value(tool.status()).volumes == 1);
  }
  CHECK(frozen.front()->hung_up());
}

namespace {

/// Sends bytes to 127.0.0.1:PORT of an URL and returns all that comes back.
std::string http(const std::string& url, std::string_view request) {
  const auto colon = url.rfind(':');
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(colon + 1))));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto fd = ::socket(AF_INET, SOCK_STREAM, 0);
  REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
  const timeval limit{5, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  REQUIRE(::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()));
  std::string got;
  char bytes[4096];
  for (ssize_t count = 0; (count = ::recv(fd, bytes, sizeof bytes, 0)) > 0;)
    got.append(bytes, static_cast<std::size_t>(count));
  ::close(fd);
  return got;
}

} // namespace

TEST_CASE("metrics are served over HTTP, and nothing else") {
  served_node served("tcp:127.0.0.1:0");
  const auto url = served.server->metrics_url();
  CHECK(url.starts_with("http://127.0.0.1:"));
  CHECK(url.ends_with("/metrics"));
  const auto place = url.substr(0, url.size() - 8);
  const auto get = [&](std::string_view what) {
    return http(place, std::string(what) + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  };
  const auto metrics = get("GET /metrics");
  CHECK(metrics.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(metrics.find("text/plain; version=0.0.4") != std::string::npos);
  CHECK(metrics.ends_with("forerun_reads_total 5\n"));
  CHECK(get("GET /").find("/metrics") != std::string::npos);
  CHECK(get("GET /../secret").starts_with("HTTP/1.1 404"));
  CHECK(get("DELETE /metrics").starts_with("HTTP/1.1 405"));
  CHECK(get("HEAD /metrics").ends_with("\r\n\r\n"));
  const auto nonsense = http(place, "nonsense\r\n\r\n");
  CHECK_MESSAGE(nonsense.starts_with("HTTP/1.1 501"), nonsense);
}

TEST_CASE("a node that lets the scrape go answers 503") {
  served_node served("tcp:127.0.0.1:0");
  served.node.forgets = true;
  const auto url = served.server->metrics_url();
  CHECK(http(url.substr(0, url.size() - 8), "GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            .starts_with("HTTP/1.1 503"));
}

TEST_CASE("an address for metrics that is taken stops the start and leaves no socket behind") {
  served_node served("tcp:127.0.0.1:0");
  const auto url = served.server->metrics_url();
  const auto port = url.substr(17, url.size() - 17 - 8);
  scratch_folder folder;
  fake_node node;
  auto second = control_server::start({folder / "control.sock", "tcp:127.0.0.1:" + port, {}}, node);
  REQUIRE(second.index() == 1);
  CHECK(std::get<1>(second).code == errc::busy);
  CHECK_FALSE(std::filesystem::exists(folder / "control.sock"));
}

namespace {

/// A client's stream that is never read, but for whether the other side hung up.
class unread_stream final : public capnp::MessageStream {
public:
  explicit unread_stream(kj::AsyncIoStream& stream) : stream_(stream), inner_(stream) {}

  kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>>
  tryReadMessage(kj::ArrayPtr<kj::AutoCloseFd>, capnp::ReaderOptions, kj::ArrayPtr<capnp::word>) override {
    return kj::NEVER_DONE;
  }
  kj::Promise<void> writeMessage(kj::ArrayPtr<const int> fds,
                                 kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) override {
    return inner_.writeMessage(fds, segments);
  }
  kj::Promise<void>
  writeMessages(kj::ArrayPtr<kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>>> messages) override {
    return inner_.writeMessages(messages);
  }
  kj::Maybe<int> getSendBufferSize() override { return inner_.getSendBufferSize(); }
  kj::Promise<void> end() override { return kj::READY_NOW; }

  bool hung_up(kj::AsyncIoContext& io) {
    return stream_.whenWriteDisconnected()
        .then([] { return true; })
        .exclusiveJoin(io.provider->getTimer().afterDelay(20 * kj::SECONDS).then([] { return false; }))
        .wait(io.waitScope);
  }

private:
  kj::AsyncIoStream& stream_;
  capnp::AsyncIoMessageStream inner_;
};

} // namespace

TEST_CASE("a client that reads no answers is cut off, and no other waits for it") {
  served_node served;
  const auto fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  served.socket().copy(name.sun_path, sizeof name.sun_path - 1);
  REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
  {
    // Asks for the largest answers there are and never reads: the loop of this client only runs to send.
    auto io = kj::setupAsyncIo();
    auto stream = io.lowLevelProvider->wrapSocketFd(fd, kj::LowLevelAsyncIoProvider::TAKE_OWNERSHIP);
    unread_stream frozen(*stream);
    capnp::TwoPartyVatNetwork network(frozen, capnp::rpc::twoparty::Side::CLIENT);
    auto rpc = capnp::makeRpcClient(network);
    capnp::MallocMessageBuilder words(8);
    auto id = words.initRoot<capnp::rpc::twoparty::VatId>();
    id.setSide(capnp::rpc::twoparty::Side::SERVER);
    auto control = rpc.bootstrap(id).castAs<wire::Control>();
    std::vector<kj::Promise<void>> asked;
    for (int i = 0; i < 200; ++i) {
      auto request = control.heatRequest();
      request.setVolume("debian");
      asked.push_back(request.send().ignoreResult());
    }
    // 200 answers of 160 KiB are four times what a client may leave unread.
    auto tool = std::thread([&] {
      auto other = connected(served);
      for (int i = 0; i < 20; ++i)
        CHECK(value(other.status()).volumes == 1);
    });
    CHECK(frozen.hung_up(io));
    tool.join();
  }
}
