#include "runtime/provenance/builder.hpp"
#include "runtime/provenance/decoder.hpp"
#include "tests/unit/provenance/samples.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::provenance;

namespace {

struct encoded {
  std::vector<std::byte> image;
  block_header header;
  std::span<const std::byte> payload() const {
    return std::span<const std::byte>{image}.subspan(block_header::bytes);
  }
};

encoded encode(const block_builder& from) {
  encoded it;
  it.header = from.encode(it.image);
  put(it.header, std::span{it.image}.first<block_header::bytes>());
  return it;
}

} // namespace

TEST_CASE("a block gives back what was put in, for several contexts") {
  block_builder builder{5000};
  std::vector<entry> expected;
  for (int i = 0; i < 40; ++i) {
    const auto some = accesses(100, static_cast<std::uint64_t>(i));
    CHECK(builder.add(who(i % 7), some) == 100);
    for (const auto& it : some)
      expected.push_back({who(i % 7), as_record(it, expected.size())});
  }
  const auto block = encode(builder);
  CHECK(get_block_header(block.image).value() == block.header);
  decoded_block out;
  REQUIRE(decode(block.header, block.payload(), out).has_value());
  REQUIRE(out.records.size() == expected.size());
  CHECK(out.contexts.size() == 7);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    REQUIRE(out.records[i] == expected[i].what);
    REQUIRE(out.contexts[out.context_of[i]] == expected[i].who);
  }
}

TEST_CASE("the outermost values survive") {
  block_builder builder{10};
  forerun::access low, high;
  low.at = {std::numeric_limits<std::int64_t>::min()};
  high.at = {std::numeric_limits<std::int64_t>::max()};
  high.where = {element_limit - 1, 0xffffffff};
  high.bytes = 0xffffffff;
  high.latency = nanos::max();
  high.how = static_cast<outcome>(7);
  high.op = static_cast<operation>(31);
  context by{.by = {.vm = std::string(name_bytes_max, 'v'), .program = {}, .user = {}, .node = ~0ull},
             .run = {~0ull},
             .kind = static_cast<element_kind>(255),
             .space = ~0u};
  REQUIRE(block_builder::storable(high));
  for (const auto& it : {low, high, low, high})
    builder.add(by, {&it, 1});
  const auto block = encode(builder);
  decoded_block out;
  REQUIRE(decode(block.header, block.payload(), out).has_value());
  CHECK(out.contexts.front() == by);
  high.latency = std::chrono::microseconds{latency_us_max};
  CHECK(out.records[0] == as_record(low, 0));
  CHECK(out.records[3] == as_record(high, 3));
}

TEST_CASE("short values come back whole, long ones as their digest, versions as they were") {
  block_builder builder{10};
  const std::string longest(value_bytes_max, 'v'), longer(value_bytes_max + 1, 'w');
  const auto some = accesses(4);
  const std::vector<detail> details{{7, "a"}, {~std::uint64_t{0}, longest}, {0, longer}, {3, ""}};
  CHECK(builder.add(who(), some, details) == 4);
  builder.add(who(), some);
  const auto block = encode(builder);
  decoded_block out;
  REQUIRE(decode(block.header, block.payload(), out).has_value());
  for (std::size_t i = 0; i < 8; ++i) {
    auto expected = as_record(some[i % 4], i);
    if (i < 2)
      expected.value = details[i].value;
    if (i < 4)
      expected.version = details[i].version;
    if (i == 2 && expected.written == digest{})
      expected.written = digest_of(std::as_bytes(std::span{longer}));
    CHECK(out.records[i] == expected);
  }
}

TEST_CASE("however large names and values are, a block stays within its limit and nothing is lost") {
  block_builder builder{block_records_max};
  std::vector<forerun::access> some(500);
  const std::string value(value_bytes_max, 'v');
  for (auto& it : some)
    it.where = {element_limit - 1, 0xffffffff};
  const std::vector<detail> details(some.size(), {~std::uint64_t{0} / 3, value});
  std::size_t records = 0;
  for (std::uint32_t i = 0;; ++i) {
    auto by = who();
    by.by.vm = std::string(name_bytes_max - 10, 'n') + std::to_string(i);
    const auto added = builder.add(by, some, details);
    records += added;
    if (added < some.size())
      break;
  }
  const auto block = encode(builder);
  CHECK(block.payload().size() <= payload_bytes_max);
  CHECK(records > 10'000);
  decoded_block out;
  REQUIRE(decode(block.header, block.payload(), out).has_value());
  CHECK(out.records.size() == records);
}

TEST_CASE("a full block takes no more, and a cleared one starts anew") {
  block_builder builder{10};
  const auto some = accesses(12);
  CHECK(builder.add(who(), some) == 10);
  CHECK(builder.full());
  CHECK(builder.add(who(), some) == 0);
  builder.clear();
  CHECK(builder.add(who(), std::span{some}.subspan(10)) == 2);
  const auto block = encode(builder);
  decoded_block out;
  REQUIRE(decode(block.header, block.payload(), out).has_value());
  CHECK(out.records[1] == as_record(some[11], 1));
}

TEST_CASE("latency is kept to the nearest microsecond") {
  block_builder builder{10};
  for (int ns : {-5, 0, 499, 500, 1499, 1500}) {
    forerun::access it;
    it.latency = nanos{ns};
    builder.add(who(), {&it, 1});
  }
  const auto block = encode(builder);
  decoded_block out;
  REQUIRE(decode(block.header, block.payload(), out).has_value());
  std::vector<std::int64_t> us;
  for (const auto& it : out.records)
    us.push_back(it.latency.count() / 1000);
  CHECK(us == std::vector<std::int64_t>{0, 0, 0, 1, 1, 2});
}

TEST_CASE("a step of the clock backwards is marked, small disorder is not") {
  block_builder builder{10};
  auto at = [&](std::int64_t seconds) {
    forerun::access it;
    it.at = {seconds * 1'000'000'000};
    builder.add(who(), {&it, 1});
    return encode(builder).header.flags;
  };
  CHECK(at(100) == 0);
  CHECK(at(101) == 0);
  CHECK(at(100) == block_header::flag_clock_back);
  builder.clear();
  CHECK(at(99) == block_header::flag_clock_back);
  builder.clear();
  CHECK(at(99) == 0);
}

TEST_CASE("a flipped bit anywhere in a block's header is found") {
  block_builder builder{10};
  builder.add(who(), accesses(10));
  auto block = encode(builder);
  for (std::size_t bit = 0; bit < block_header::bytes * 8; ++bit) {
    block.image[bit / 8] ^= std::byte{1} << (bit % 8);
    CHECK_FALSE(get_block_header(block.image).has_value());
    block.image[bit / 8] ^= std::byte{1} << (bit % 8);
  }
}

TEST_CASE("hostile payloads are refused or decoded, never more than the header allows") {
  block_builder builder{100};
  builder.add(who(), accesses(100));
  const auto block = encode(builder);
  const std::vector<std::byte> good(block.payload().begin(), block.payload().end());
  std::mt19937_64 random{5};
  decoded_block out;
  for (int i = 0; i < 20'000; ++i) {
    auto bad = good;
    for (auto changes = random() % 4 + 1; changes > 0; --changes)
      bad[random() % bad.size()] = static_cast<std::byte>(random());
    bad.resize(bad.size() - random() % 3);
    auto header = block.header;
    if (random() % 4 == 0)
      header.records = static_cast<std::uint32_t>(random() % 200 + 1);
    if (decode(header, bad, out).has_value())
      CHECK(out.records.size() == header.records);
  }
}

TEST_CASE("a column of a later writer is skipped, a repeated one refused") {
  block_builder builder{10};
  builder.add(who(), accesses(10));
  auto block = encode(builder);
  auto payload = std::vector(block.payload().begin(), block.payload().end());
  for (int byte : {200, 0, 3, 1, 2, 3})
    payload.push_back(static_cast<std::byte>(byte));
  decoded_block out;
  CHECK(decode(block.header, payload, out).has_value());
  for (int byte : {200, 0, 0})
    payload.push_back(static_cast<std::byte>(byte));
  CHECK(decode(block.header, payload, out).error() == errc::corrupt);
}

TEST_CASE("segment names are read back, and only they") {
  CHECK(segment_name(42) == "provenance-00000042.log");
  CHECK(segment_number("provenance-00000042.log") == 42u);
  for (const auto* name : {"provenance-0000042.log", "provenance-0000004x.log", "provenance-00000042.lo", "",
                           "xprovenance-0000042.log"})
    CHECK_FALSE(segment_number(name).has_value());
}
