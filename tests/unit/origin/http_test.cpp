#include "runtime/origin/http_reply.hpp"
#include "runtime/origin/open.hpp"
#include "tests/unit/origin/support.hpp"
#include "tests/unit/origin/web_server.hpp"
#include <cstring>

using namespace forerun;
using namespace forerun::origin;
using namespace std::chrono_literals;

namespace {

std::string numbered(std::size_t bytes) {
  std::string out;
  while (out.size() < bytes)
    out += std::to_string(out.size()) + " ";
  out.resize(bytes);
  return out;
}

bool right(const result<buffer>& got, const std::string& body, std::uint64_t offset, std::size_t length) {
  return got && got.value()->size() == length &&
         std::memcmp(got.value()->data(), body.data() + offset, length) == 0;
}

http_reply reply_of(std::initializer_list<std::string_view> lines) {
  http_reply reply;
  for (const auto line : lines)
    reply.take(line);
  return reply;
}

} // namespace

TEST_CASE("ranges of a web server's file are read in parallel over kept connections") {
  const auto body = numbered(1u << 20);
  web_server server(body);
  const auto from = open_source(server.url(), {.http_connections_max = 4}).value();
  CHECK(from->about().bytes == body.size());
  CHECK(from->about().validator == "etag \"one\"");
  std::vector<std::future<result<buffer>>> answers;
  for (std::uint64_t i = 0; i < 200; ++i)
    answers.push_back(start_read(*from, i * 5000, 5000));
  for (std::uint64_t i = 0; i < 200; ++i)
    CHECK(right(wait_for(answers[i]), body, i * 5000, 5000));
  CHECK(server.connections() <= 5); // One of them asked the first question.
}

TEST_CASE("a misbehaving web server gives errors, never wrong data") {
  const auto body = numbered(1u << 20);
  web_server server(body);
  const auto from = open_source(server.url(), {.answer_max = 1s}).value();
  using manner = web_server::manner;
  const auto under = [&](manner how) {
    server.behave(how);
    const auto got = read_now(*from, 8192, 4096);
    return got ? errc{} : got.error();
  };
  CHECK(under(manner::no_ranges) == errc::io_failed);
  CHECK(under(manner::wrong_range) == errc::io_failed);
  CHECK(under(manner::short_body) == errc::io_failed);
  CHECK(under(manner::long_body) == errc::io_failed);
  CHECK(under(manner::no_range_head) == errc::io_failed);
  CHECK(under(manner::busy) == errc::unavailable);
  CHECK(under(manner::gone) == errc::unavailable);
  CHECK(under(manner::silent) == errc::timed_out);
  server.behave(manner::well);
  CHECK(right(read_now(*from, 8192, 4096), body, 8192, 4096));
}

TEST_CASE("a file that changed on the web server is noticed") {
  web_server server(numbered(1u << 20));
  const auto from = open_source(server.url(), {}).value();
  server.set_etag("\"two\"");
  CHECK(read_now(*from, 0, 4096).error() == errc::changed);
  server.set_etag("");
  CHECK(read_now(*from, 0, 4096).error() == errc::changed);
  server.set_etag("\"one\"");
  CHECK(read_now(*from, 0, 4096).has_value());
}

TEST_CASE("a weak ETag is compared too, though no condition can be made of it") {
  web_server server(numbered(1u << 16));
  server.set_etag("W/\"one\"");
  const auto from = open_source(server.url(), {}).value();
  CHECK(read_now(*from, 0, 4096).has_value());
  server.set_etag("W/\"two\"");
  CHECK(read_now(*from, 0, 4096).error() == errc::changed);
}

TEST_CASE("a web server without ranges, or without the file, is refused with a remedy") {
  web_server server(numbered(1u << 16));
  server.behave(web_server::manner::no_ranges);
  const auto refused = open_source(server.url(), {});
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::unsupported);
  CHECK(refused.error().text.find("ranges") != std::string::npos);
  server.behave(web_server::manner::gone);
  CHECK(open_source(server.url(), {}).error().code == errc::not_found);
  CHECK(open_source("http://127.0.0.1:1/", {}).error().code == errc::unavailable);
}

TEST_CASE("what is under way when an HTTP source ends is cancelled") {
  web_server server(numbered(1u << 16));
  auto from = open_source(server.url(), {.http_connections_max = 2}).value();
  server.behave(web_server::manner::silent);
  std::vector<std::future<result<buffer>>> answers;
  for (int i = 0; i < 10; ++i)
    answers.push_back(start_read(*from, 0, 4096));
  from.reset();
  for (auto& answer : answers)
    CHECK(wait_for(answer).error() == errc::cancelled);
}

TEST_CASE("the head of a reply is read whatever its case, and starts over after a redirect") {
  const auto reply =
      reply_of({"HTTP/1.1 302 Found\r\n", "ETag: \"old\"\r\n", "HTTP/1.1 206 Partial Content\r\n",
                "eTaG:  \"new\" \r\n", "CONTENT-RANGE: bytes 0-0/10\r\n", "nonsense\r\n"});
  CHECK(reply.status == 206);
  CHECK(reply.etag == "\"new\"");
  CHECK(reply.range == "bytes 0-0/10");
  CHECK(reply_of({"HTTP/1.1 99999999999999999999\r\n"}).status == 0);
  CHECK(reply_of({"ETag: " + std::string(5000, 'x')}).etag.empty());
}

TEST_CASE("a Content-Range that is not one is refused") {
  CHECK(parse_content_range("bytes 5-9/10")->last == 9);
  for (const auto* text : {"", "bytes", "bytes 5-4/10", "bytes 5-10/10", "bytes 5-9/*", "bytes */10",
                           "items 0-1/2", "bytes 0-1/2x", "bytes 99999999999999999999-1/2"})
    CHECK(!parse_content_range(text));
}

TEST_CASE("a redirect to another file of another length is a change, not data") {
  const identity about{100, "etag \"one\""};
  const auto good = reply_of({"HTTP/1.1 206 x", "ETag: \"one\"", "Content-Range: bytes 0-9/100"});
  CHECK(!fault_of(good, about, 0, 10, 10));
  CHECK(fault_of(good, about, 0, 10, 9) == errc::io_failed);
  const auto longer = reply_of({"HTTP/1.1 206 x", "ETag: \"one\"", "Content-Range: bytes 0-9/101"});
  CHECK(fault_of(longer, about, 0, 10, 10) == errc::changed);
  CHECK(fault_of(reply_of({"HTTP/1.1 416 x"}), about, 0, 10, 0) == errc::changed);
}
