#include "runtime/base/bytes.hpp"
#include "runtime/origin/open.hpp"
#include "runtime/origin/retrying.hpp"
#include "tests/unit/origin/child.hpp"
#include "tests/unit/origin/support.hpp"

using namespace forerun;
using namespace forerun::origin;
using namespace std::chrono_literals;

namespace {

/// nbdkit with its pattern plugin: every 8 bytes hold their own offset, big-endian.
class pattern_server {
public:
  pattern_server()
      : folder_(std::filesystem::temp_directory_path() / ("forerun-nbd-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  pattern_server(const pattern_server&) = delete;
  pattern_server& operator=(const pattern_server&) = delete;
  ~pattern_server() {
    stop();
    std::filesystem::remove_all(folder_);
  }
  void start(const std::string& size, const std::vector<std::string>& more = {}) {
    std::filesystem::remove(socket());
    std::vector<std::string> words{"nbdkit", "-f", "-r", "-U", socket(), "pattern", size};
    words.insert(words.end(), more.begin(), more.end());
    server_ = std::make_unique<child>(std::move(words));
    REQUIRE(eventually([&] { return std::filesystem::exists(socket()); }));
  }
  void stop() { server_.reset(); }
  void signal(int number) const { server_->signal(number); }
  std::string socket() const { return folder_ / "s"; }
  std::string url() const { return "nbd+unix:///?socket=" + socket(); }
  opened open(const source_options& options = {}) const {
    opened last = trouble{};
    eventually([&] { return (last = open_source(url(), options)).has_value(); });
    return last;
  }

private:
  std::filesystem::path folder_;
  std::unique_ptr<child> server_;
};

bool right(const result<buffer>& got, std::uint64_t offset, std::size_t length) {
  if (!got || got.value()->size() != length)
    return false;
  for (std::size_t at = 0; at < length; at += 8)
    if (get_number<std::uint64_t, std::endian::big>(got.value()->data() + at) != offset + at)
      return false;
  return true;
}

bool no_nbdkit() {
  if (program_exists("nbdkit"))
    return false;
  MESSAGE("skipped: nbdkit is not installed");
  return true;
}

} // namespace

TEST_CASE("an NBD export is read with many requests in flight") {
  if (no_nbdkit())
    return;
  pattern_server server;
  server.start("64M");
  const auto from = server.open().value();
  CHECK(from->about().bytes == 64u << 20);
  std::vector<std::future<result<buffer>>> answers;
  for (std::uint64_t i = 0; i < 500; ++i)
    answers.push_back(
        start_read(*from, i * 65536, 65536, i % 2 == 0 ? priority::demand : priority::prefetch));
  for (std::uint64_t i = 0; i < 500; ++i)
    CHECK(right(wait_for(answers[i]), i * 65536, 65536));
}

TEST_CASE("reads fail while the server is gone, and go well when it is back") {
  if (no_nbdkit())
    return;
  pattern_server server;
  server.start("1M");
  const auto from = server.open().value();
  CHECK(right(read_now(*from, 4096, 4096), 4096, 4096));
  server.stop();
  CHECK(read_now(*from, 4096, 4096).error() == errc::unavailable);
  CHECK(read_now(*from, 4096, 4096).error() == errc::unavailable);
  server.start("1M");
  CHECK(eventually([&] { return right(read_now(*from, 8192, 4096), 8192, 4096); }));
}

TEST_CASE("with retries a client of the source does not notice a server's restart") {
  if (no_nbdkit())
    return;
  pattern_server server;
  server.start("1M");
  const retrying_source from(server.open().value(), {});
  server.stop();
  auto answer = start_read(const_cast<retrying_source&>(from), 4096, 4096);
  CHECK(answer.wait_for(100ms) == std::future_status::timeout);
  server.start("1M");
  CHECK(right(wait_for(answer), 4096, 4096));
  CHECK(from.retries() > 0);
}

TEST_CASE("a server that returns with another length is refused until it has the old one") {
  if (no_nbdkit())
    return;
  pattern_server server;
  server.start("1M");
  const auto from = server.open().value();
  server.stop();
  server.start("2M");
  CHECK(eventually([&] {
    const auto got = read_now(*from, 0, 4096);
    CHECK(!got.has_value());
    return got.error() == errc::changed;
  }));
  server.stop();
  server.start("1M");
  CHECK(eventually([&] { return right(read_now(*from, 0, 4096), 0, 4096); }));
}

TEST_CASE("a frozen server is given up after the time for an answer") {
  if (no_nbdkit())
    return;
  pattern_server server;
  server.start("1M");
  const auto from = server.open({.connect_max = 2s, .answer_max = 200ms}).value();
  server.signal(SIGSTOP);
  CHECK(read_now(*from, 0, 4096).error() == errc::timed_out);
  server.signal(SIGCONT);
  CHECK(eventually([&] { return right(read_now(*from, 0, 4096), 0, 4096); }));
}

TEST_CASE("a server's read error is that request's alone") {
  if (no_nbdkit())
    return;
  pattern_server server;
  server.start("1M", {"--filter=error", "error-pread-rate=50%"});
  const auto from = server.open().value();
  int well = 0;
  int failed = 0;
  for (int i = 0; i < 60; ++i) {
    const auto got = read_now(*from, 0, 4096);
    well += right(got, 0, 4096);
    failed += !got && got.error() == errc::io_failed;
  }
  CHECK(well > 0);
  CHECK(failed > 0);
  CHECK(well + failed == 60);
}

TEST_CASE("no server, no export: refused with the URL and a remedy") {
  const auto refused = open_source("nbd+unix:///x?socket=/nowhere/s", {});
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::unavailable);
  CHECK(refused.error().text.find("/nowhere/s") != std::string::npos);
  CHECK(refused.error().text.find("nbdinfo") != std::string::npos);
}

TEST_CASE("what is in flight when an NBD source ends is cancelled") {
  if (no_nbdkit())
    return;
  pattern_server server;
  server.start("1M", {"--filter=delay", "rdelay=20"});
  auto from = server.open().value();
  std::vector<std::future<result<buffer>>> answers;
  for (int i = 0; i < 100; ++i)
    answers.push_back(start_read(*from, 0, 4096));
  std::this_thread::sleep_for(50ms);
  from.reset();
  for (auto& answer : answers)
    CHECK(wait_for(answer).error() == errc::cancelled);
}
