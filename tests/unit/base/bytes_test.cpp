#include "runtime/base/bytes.hpp"
#include "runtime/base/extent.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/base/ids.hpp"
#include <doctest/doctest.h>
#include <limits>
#include <unordered_set>

using namespace forerun;

TEST_CASE("varints of every length read back as they were written") {
  std::vector<std::byte> out;
  byte_writer<> writer{out};
  std::vector<std::uint64_t> values{0};
  for (unsigned bit = 0; bit < 64; ++bit)
    values.insert(values.end(), {(std::uint64_t{1} << bit) - 1, std::uint64_t{1} << bit});
  values.push_back(std::numeric_limits<std::uint64_t>::max());
  for (const auto value : values)
    writer.put_varint(value);
  byte_reader<> reader{out};
  for (const auto value : values)
    CHECK(reader.take_varint() == value);
  CHECK(reader.ok());
  CHECK(reader.left() == 0);
}

TEST_CASE("signed numbers keep their sign") {
  std::vector<std::byte> out;
  byte_writer<> writer{out};
  const std::int64_t values[]{
      0, -1, 1, -64, 64, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  for (const auto value : values)
    writer.put_zigzag(value);
  byte_reader<> reader{out};
  for (const auto value : values)
    CHECK(reader.take_zigzag() == value);
}

TEST_CASE("a reader that ran past its end says so and yields zeroes from then on") {
  const std::byte bytes[3]{std::byte{1}, std::byte{2}, std::byte{3}};
  byte_reader<> reader{bytes};
  CHECK(reader.take<std::uint16_t>() == 0x0201);
  CHECK(reader.take<std::uint16_t>() == 0);
  CHECK_FALSE(reader.ok());
  CHECK(reader.take<std::uint8_t>() == 0);
}

TEST_CASE("a varint that never ends is refused") {
  const std::vector<std::byte> endless(64, std::byte{0xff});
  byte_reader<> reader{endless};
  CHECK(reader.take_varint() == 0);
  CHECK_FALSE(reader.ok());
}

TEST_CASE("big-endian numbers are stored as the network has them") {
  std::vector<std::byte> out;
  byte_writer<std::endian::big> writer{out};
  writer.put(std::uint32_t{0x01020304});
  CHECK(out[0] == std::byte{1});
  CHECK(byte_reader<std::endian::big>{out}.take<std::uint32_t>() == 0x01020304);
}

TEST_CASE("a request that straddles blocks touches both and holds none whole") {
  CHECK(blocks_touched(4000, 200) == extent{0, 2});
  CHECK(blocks_inside(4000, 200).count == 0);
  CHECK(blocks_touched(4096, 8192) == extent{1, 2});
  CHECK(blocks_inside(4096, 8192) == extent{1, 2});
  CHECK(blocks_inside(1, 3 * 4096) == extent{1, 2});
  CHECK(blocks_touched(512, 0).count == 0);
}

TEST_CASE("ids of one kind hash and compare by value") {
  std::unordered_set<volume_id> seen{{1}, {2}, {1}};
  CHECK(seen.size() == 2);
  CHECK(element_id::of_block(77).id() == 77);
  CHECK(element_id::of_block(77).kind() == element_kind::block);
}

TEST_CASE("bytes are written in hexadecimal, two small digits each") {
  CHECK(hex({}).empty());
  CHECK(hex(digest{0, 1, 0x2f, 0xff}) == "00012fff000000000000000000000000");
}

TEST_CASE("SHA-256 is the standard one") {
  for (int again = 0; again < 2; ++again) {
    CHECK(hex(sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex(sha256(std::as_bytes(std::span{"abc"}.first(3)))) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  }
}

TEST_CASE("checksums are XXH3 with 64 bits, of few bytes and of many") {
  CHECK(checksum({}) == 0x2d06800538d394c2);
  std::vector<std::byte> many(100'000);
  for (std::size_t i = 0; i < many.size(); ++i)
    many[i] = static_cast<std::byte>(i * 7);
  CHECK(checksum(std::span{many}.first(100)) == 0x6dbb812cf19d012e);
  CHECK(checksum(many) == 0x1271d2740e5fca3);
}
