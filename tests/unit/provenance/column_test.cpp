#include "runtime/provenance/column_writer.hpp"
#include <doctest/doctest.h>
#include <random>

using namespace forerun;
using namespace forerun::provenance;

namespace {

struct written {
  column_codec codec{};
  std::size_t bytes = 0;
  std::vector<std::uint64_t> numbers;
};

written write(const column_writer& from) {
  std::vector<std::byte> out;
  byte_writer<> writer{out};
  from.write(writer, column_id::latency);
  byte_reader<> in{out};
  CHECK(in.take<std::uint8_t>() == static_cast<std::uint8_t>(column_id::latency));
  written it{static_cast<column_codec>(in.take<std::uint8_t>()), 0, {}};
  it.bytes = in.take_varint();
  CHECK(it.bytes == in.left());
  while (in.left() > 0) {
    const auto value = in.take_varint();
    it.numbers.insert(it.numbers.end(), it.codec == column_codec::runs ? in.take_varint() : 1, value);
  }
  CHECK(in.ok());
  return it;
}

std::size_t plain_bytes(const std::vector<std::uint64_t>& numbers) {
  std::vector<std::byte> out;
  byte_writer<> writer{out};
  for (const auto it : numbers)
    writer.put_varint(it);
  return out.size();
}

void put(column_writer& to, std::span<const std::uint64_t> numbers) {
  to.put(numbers.size(), [&](std::size_t i) { return numbers[i]; });
}

} // namespace

TEST_CASE("a column gives back its numbers, in no more bytes than plain ones, however they come") {
  std::mt19937_64 random{5};
  column_writer column{5000};
  std::size_t in_runs = 0;
  for (int round = 0; round < 500; ++round) {
    std::vector<std::uint64_t> numbers;
    const auto count = 1 + random() % 5000;
    const auto longest = std::uint64_t{1} << random() % 13;
    const auto wide = random() % 2 == 0 ? 64 : 8;
    while (numbers.size() < count)
      numbers.insert(numbers.end(), std::min(1 + random() % longest, count - numbers.size()),
                     random() >> (64 - wide + random() % wide));
    column.clear();
    for (std::span<const std::uint64_t> rest{numbers}; !rest.empty();) {
      const auto piece = std::min<std::size_t>(1 + random() % 100, rest.size());
      put(column, rest.first(piece));
      rest = rest.subspan(piece);
    }
    const auto out = write(column);
    REQUIRE(out.numbers == numbers);
    CHECK(out.bytes <= plain_bytes(numbers));
    in_runs += out.codec == column_codec::runs;
  }
  CHECK(in_runs > 100);
  CHECK(in_runs < 450);
}

TEST_CASE("a column of one number takes a few bytes") {
  column_writer column{70'000};
  const std::vector<std::uint64_t> same(65'536, 1234);
  put(column, same);
  CHECK(column.size() == 5);
  CHECK(write(column).bytes == 5);
}

TEST_CASE("the longest numbers find room") {
  column_writer column{4096};
  std::vector<std::uint64_t> numbers(4096, ~std::uint64_t{0});
  for (std::size_t i = 0; i < numbers.size(); i += 2)
    numbers[i] -= i;
  put(column, numbers);
  CHECK(write(column).numbers == numbers);
  // Nearly as long in runs as plain, up to the last number.
  column.clear();
  for (std::size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = ~std::uint64_t{0} - i / 2;
  put(column, numbers);
  CHECK(write(column).numbers == numbers);
}
