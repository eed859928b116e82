#include "runtime/base/address.hpp"
#include "runtime/base/units.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace std::chrono_literals;

TEST_CASE("sizes are read as people write them") {
  CHECK(parse_bytes("4096").value() == 4096);
  CHECK(parse_bytes("64 MiB").value() == 64u << 20);
  CHECK(parse_bytes("10G").value() == 10ull << 30);
  CHECK(parse_bytes("1.5 GiB").value() == 3ull << 29);
  CHECK(parse_bytes("2 GB").value() == 2'000'000'000);
  CHECK(parse_bytes("9007199254740993").value() == 9007199254740993ull);
}

TEST_CASE("what is no size is refused") {
  for (const auto* text :
       {"", "MiB", "-1", "1 Mib", "1 MiB/s", "0x10", "9999999 TiB", " 1", "1e9", "inf", "nan"})
    CHECK_MESSAGE(parse_bytes(text).has_error(), text);
}

TEST_CASE("durations need a unit") {
  CHECK(parse_duration("10ms").value() == 10ms);
  CHECK(parse_duration("600 s").value() == 600s);
  CHECK(parse_duration("1.5h").value() == 90min);
  CHECK(parse_duration("0").value() == 0s);
  CHECK(parse_duration("10").has_error());
  CHECK(parse_duration("10 m").has_error());
  CHECK(parse_duration("-1s").has_error());
  CHECK(parse_duration("300000 d").has_error());
}

TEST_CASE("sizes and durations are short for people") {
  CHECK(format_bytes(0) == "0 B");
  CHECK(format_bytes(4096) == "4.0 KiB");
  CHECK(format_bytes(64u << 20) == "64 MiB");
  CHECK(format_bytes((1u << 20) - 1) == "1.0 MiB");
  CHECK(format_duration(0s) == "0 s");
  CHECK(format_duration(850ns) == "850 ns");
  CHECK(format_duration(12'340us) == "12.3 ms");
  CHECK(format_duration(4200ms) == "4.20 s");
  CHECK(format_duration(200s) == "3 min 20 s");
  CHECK(format_duration(52h) == "2 d 4 h");
}

TEST_CASE("addresses are read, and written back the same") {
  for (const auto* text :
       {"unix:/run/nbd.sock", "tcp:127.0.0.1:10809", "tcp:[::1]:0", "tcp:host-1.example:65535"})
    CHECK(parse_address(text).value().text() == text);
}

TEST_CASE("what is no address is refused") {
  for (const auto* text : {"", "unix:", "tcp:", "tcp:1", "tcp::1", "tcp:h:", "tcp:h:65536", "tcp:h:1x",
                           "tcp:a/b:1", "tcp:::1:5", "/run/nbd.sock", "udp:h:1"})
    CHECK_MESSAGE(parse_address(text).has_error(), text);
  CHECK(parse_address("unix:/" + std::string(unix_path_bytes_max, 'x')).has_error());
}

TEST_CASE("only loopback and unix sockets are local") {
  for (const auto* text : {"unix:/s", "tcp:127.0.0.1:1", "tcp:127.8.8.8:1", "tcp:localhost:1", "tcp:[::1]:1"})
    CHECK_MESSAGE(parse_address(text).value().local(), text);
  for (const auto* text : {"tcp:0.0.0.0:1", "tcp:127.example.org:1", "tcp:127.0.0.1.evil.org:1", "tcp:[::]:1",
                           "tcp:10.0.0.1:1", "tcp:localhost.evil.org:1"})
    CHECK_FALSE_MESSAGE(parse_address(text).value().local(), text);
}

TEST_CASE("a rate is bits in a second, decimal") {
  CHECK(parse_rate("1Gbit").value() == 1'000'000'000);
  CHECK(parse_rate("100 Mbit").value() == 100'000'000);
  CHECK(parse_rate("64kbit").value() == 64'000);
  CHECK(parse_rate("5bit").value() == 5);
  for (const auto* text : {"", "bit", "1GB", "1", "-1Mbit", "1Tbyte"}) {
    CAPTURE(text);
    CHECK(parse_rate(text).error() == errc::invalid_argument);
  }
}
