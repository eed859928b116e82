#include "runtime/nbd/protocol.hpp"
#include <doctest/doctest.h>
#include <limits>

using namespace forerun;
using namespace forerun::nbd;
using decided = judgement::what;

namespace {

const export_info disk{.name = "a", .description = "", .bytes = 1u << 20, .read_only = false};
const export_info fixed{.name = "a", .description = "", .bytes = 1u << 20, .read_only = true};

judgement judged(wire_command type, std::uint64_t offset, std::uint32_t length, std::uint16_t flags = 0,
                 const export_info& about = disk, agreement agreed = {}) {
  return judge({flags, type, 7, offset, length}, about, agreed);
}

} // namespace

TEST_CASE("a request reads back as it was written") {
  std::array<std::byte, request_bytes> at;
  encode_request({3, wire_command::trim, 0x1122334455667788, 0x99aabbccddeeff00, 77}, at.data());
  const auto read = parse_request(at.data());
  REQUIRE(read);
  CHECK(read->flags == 3);
  CHECK(read->type == wire_command::trim);
  CHECK(read->cookie == 0x1122334455667788);
  CHECK(read->offset == 0x99aabbccddeeff00);
  CHECK(read->length == 77);
}

TEST_CASE("a request with another magic is none") {
  std::array<std::byte, request_bytes> at;
  encode_request({}, at.data());
  at[3] ^= std::byte{1};
  CHECK_FALSE(parse_request(at.data()));
}

TEST_CASE("what ends at the last byte goes to the device, one byte further is refused") {
  CHECK(judged(wire_command::read, (1u << 20) - 10, 10).verdict == decided::start);
  CHECK(judged(wire_command::read, (1u << 20) - 10, 11).error == wire_error::invalid);
  CHECK(judged(wire_command::trim, (1u << 20) - 10, 11).error == wire_error::invalid);
  CHECK(judged(wire_command::cache, 1u << 20, 1).error == wire_error::invalid);
  CHECK(judged(wire_command::write, (1u << 20) - 10, 11).error == wire_error::no_space);
  CHECK(judged(wire_command::write_zeroes, (1u << 20) - 10, 11).error == wire_error::no_space);
}

TEST_CASE("an offset that would wrap around is past the end") {
  CHECK(judged(wire_command::read, std::numeric_limits<std::uint64_t>::max() - 1, 4096).error ==
        wire_error::invalid);
}

TEST_CASE("a read-only export takes no change") {
  for (const auto type : {wire_command::write, wire_command::trim, wire_command::write_zeroes})
    CHECK(judged(type, 0, 10, 0, fixed).error == wire_error::permission);
  CHECK(judged(wire_command::write, 0, 10, 0, fixed).payload_bytes == 10);
  CHECK(judged(wire_command::flush, 0, 0, 0, fixed).verdict == decided::start);
  CHECK(judged(wire_command::read, 0, 10, 0, fixed).verdict == decided::start);
}

TEST_CASE("a read longer than the limit is refused, a longer write ends the connection") {
  const export_info large{.name = "", .description = "", .bytes = 1u << 30, .read_only = false};
  CHECK(judged(wire_command::read, 0, payload_bytes_max, 0, large).verdict == decided::start);
  CHECK(judged(wire_command::read, 0, payload_bytes_max + 1, 0, large).error == wire_error::invalid);
  CHECK(judged(wire_command::write, 0, payload_bytes_max, 0, large).verdict == decided::start);
  CHECK(judged(wire_command::write, 0, payload_bytes_max + 1, 0, large).verdict == decided::drop);
  CHECK(judged(wire_command::trim, 0, payload_bytes_max + 1, 0, large).verdict == decided::start);
}

TEST_CASE("unknown commands and flags are refused") {
  CHECK(judged(static_cast<wire_command>(9), 0, 10).error == wire_error::invalid);
  CHECK(judged(wire_command::read, 0, 10, 1 << 9).error == wire_error::invalid);
  CHECK(judged(wire_command::write_zeroes, 0, 10, 1 << 4).error == wire_error::invalid);
  CHECK(judged(wire_command::write, 0, 10, command_flag::no_hole).error == wire_error::invalid);
}

TEST_CASE("FUA means something only where data changes") {
  CHECK(judged(wire_command::write, 0, 10, command_flag::fua).ask.fua);
  CHECK(judged(wire_command::trim, 0, 10, command_flag::fua).ask.fua);
  CHECK(judged(wire_command::read, 0, 10, command_flag::fua).verdict == decided::start);
  CHECK_FALSE(judged(wire_command::read, 0, 10, command_flag::fua).ask.fua);
}

TEST_CASE("DONT_FRAGMENT and BLOCK_STATUS need what was agreed on") {
  const agreement all{.structured = true, .allocation = true};
  CHECK(judged(wire_command::read, 0, 10, command_flag::dont_fragment).error == wire_error::invalid);
  CHECK(judged(wire_command::read, 0, 10, command_flag::dont_fragment, disk, all).verdict == decided::start);
  CHECK(judged(wire_command::block_status, 0, 10).error == wire_error::invalid);
  CHECK(judged(wire_command::block_status, 0, 10, 0, disk, all).verdict == decided::status);
  CHECK(judged(wire_command::block_status, 0, 0, 0, disk, all).error == wire_error::invalid);
}

TEST_CASE("a request of no length is answered at once, but a flush is a flush") {
  CHECK(judged(wire_command::read, 0, 0).verdict == decided::nothing);
  CHECK(judged(wire_command::write, 1u << 20, 0).verdict == decided::nothing);
  CHECK(judged(wire_command::flush, 0, 0).verdict == decided::start);
  CHECK(judged(wire_command::flush, 5, 9).ask.length == 0);
}

TEST_CASE("every error has its number on the wire") {
  CHECK(to_wire(errc::no_space) == wire_error::no_space);
  CHECK(to_wire(errc::read_only) == wire_error::permission);
  CHECK(to_wire(errc::out_of_range) == wire_error::invalid);
  CHECK(to_wire(errc::overloaded) == wire_error::no_memory);
  CHECK(to_wire(errc::unsupported) == wire_error::unsupported);
  CHECK(to_wire(errc::cancelled) == wire_error::shutdown);
  for (const auto code : {errc::io_failed, errc::timed_out, errc::unavailable, errc::changed, errc::corrupt})
    CHECK(to_wire(code) == wire_error::io);
}
