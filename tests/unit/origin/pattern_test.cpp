#include "runtime/origin/open.hpp"
#include "runtime/origin/pattern.hpp"
#include "tests/unit/origin/support.hpp"
#include <array>
#include <set>

using namespace forerun;
using namespace forerun::origin;

namespace {
std::array<std::byte, block_bytes> block_of(std::uint64_t seed, std::uint64_t block) {
  std::array<std::byte, block_bytes> out;
  pattern_block(seed, block, out);
  return out;
}
} // namespace

TEST_CASE("a block of the pattern depends on seed and number only, and the format never changes") {
  CHECK(block_of(1, 2) == block_of(1, 2));
  CHECK(block_of(1, 2) != block_of(1, 3));
  CHECK(block_of(1, 2) != block_of(2, 2));
  // Written down so that a change of the function, which would make stored validators lie, is seen.
  CHECK(get_number<std::uint64_t>(block_of(0, 0).data()) == 0x568a9b0b1a2c05ecu);
}

TEST_CASE("no two blocks of a large pattern begin alike") {
  std::set<std::uint64_t> seen;
  for (std::uint64_t block = 0; block < 20000; ++block)
    seen.insert(get_number<std::uint64_t>(block_of(7, block).data()));
  CHECK(seen.size() == 20000);
}

TEST_CASE("the source serves the pattern at any offset and length") {
  const auto from = open_source("pattern:1M?seed=7", {}).value();
  CHECK(from->about().bytes == 1u << 20);
  const auto data = read_now(*from, 4000, 10000).value();
  REQUIRE(data->size() == 10000);
  const auto second = block_of(7, 1);
  CHECK(std::equal(second.begin(), second.end(), data->begin() + 96));
  const auto first = block_of(7, 0);
  CHECK(std::equal(first.begin() + 4000, first.end(), data->begin()));
}

TEST_CASE("another seed is another validator") {
  CHECK(open_source("pattern:1M?seed=7", {}).value()->about() !=
        open_source("pattern:1M?seed=8", {}).value()->about());
}

TEST_CASE("URLs that name nothing are refused with a remedy") {
  for (const auto* url :
       {"pattern:", "pattern:0", "pattern:1M?seed=", "pattern:1M?seed=x", "pattern:1M?sed=1"}) {
    const auto refused = open_source(url, {});
    REQUIRE(!refused);
    CHECK(refused.error().code == errc::invalid_argument);
    CHECK(refused.error().text.find("pattern:SIZE") != std::string::npos);
  }
  CHECK(open_source("gopher://x/", {}).error().code == errc::unsupported);
  CHECK(open_source(std::string(5000, 'a'), {}).error().code == errc::invalid_argument);
}
