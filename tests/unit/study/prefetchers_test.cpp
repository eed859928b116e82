#include "runtime/study/leap.hpp"
#include "runtime/study/mithril.hpp"
#include "runtime/study/ours.hpp"
#include "runtime/study/readahead.hpp"
#include "runtime/study/successor.hpp"
#include "tests/unit/study/nothing_here.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::study;

namespace {

/// What is wanted after a request that missed.
std::vector<extent> after(prefetcher& it, extent where, std::uint32_t first_use = 0) {
  wishes out;
  forerun::access seen;
  seen.where = where;
  seen.how = first_use > 0 ? outcome::hit : outcome::miss;
  seen.first_use_blocks = first_use;
  it.observe(seen, nothing_here{}, {}, out);
  std::vector<extent> wanted;
  for (const auto& each : out.fetch)
    wanted.push_back(each.where);
  return wanted;
}

} // namespace

TEST_CASE("a stream is wanted ahead from its second request on, also past a small gap") {
  stream_detector it;
  CHECK(after(it, {100, 2}).empty());
  CHECK(after(it, {102, 2}) == std::vector<extent>{{104, 8}});
  CHECK(after(it, {104 + 16, 1}) == std::vector<extent>{{121, 8}});
  CHECK(after(it, {121 + 17, 1}).empty());
}

TEST_CASE("the detector forgets the stream that was used longest ago") {
  stream_detector it;
  after(it, {0, 1});
  for (std::uint64_t other = 1; other < stream_detector::streams_max; ++other)
    after(it, {other * 1000, 1});
  CHECK(after(it, {1, 1}).size() == 1);
  after(it, {900'000, 1}); // One too many: the stream at 1000 goes.
  CHECK(after(it, {1001, 1}).empty());
  CHECK(after(it, {2, 1}).size() == 1);
}

TEST_CASE("Leap follows the majority of differences through noise, further the more requests it served") {
  leap it;
  std::uint64_t block = 1000;
  for (int i = 0; i < 20; ++i)
    after(it, {block += 4, 1});
  block += 4;
  CHECK(after(it, {block, 1}) == std::vector<extent>{{block + 4, 1}});
  // What is there asks for nothing, but it counts.
  for (int i = 0; i < 4; ++i)
    CHECK(after(it, {block += 4, 1}, 1).empty());
  CHECK(after(it, {block += 4, 1}).size() == 8);
  // Noise is in the minority, and the window shrinks by half at a time.
  const auto noise = after(it, {5000, 1});
  REQUIRE(noise.size() == 4);
  CHECK(noise.front() == extent{5004, 1});
}

TEST_CASE("a step of Leap's window is as long as the request that missed") {
  leap it;
  after(it, {0, 16});
  const auto wanted = after(it, {16, 16});
  REQUIRE(wanted.size() == 16);
  CHECK(wanted.front() == extent{32, 1});
  CHECK(wanted.back() == extent{47, 1});
}

TEST_CASE("Leap without any trend wants nothing") {
  leap it;
  std::uint64_t block = 1;
  for (std::uint64_t i = 1; i < 50; ++i)
    CHECK(after(it, {block += i * 37, 1}).empty());
}

TEST_CASE("the last successor is the newest one") {
  last_successor it;
  after(it, {1, 1});
  after(it, {50, 3});
  CHECK(after(it, {1, 1}) == std::vector<extent>{{50, 3}});
  after(it, {70, 1});
  CHECK(after(it, {1, 1}) == std::vector<extent>{{70, 1}});
}

namespace {

/// Misses that have nothing to do with each other, until all that was recorded twice has been mined.
void fill_table(mithril& it) {
  for (std::uint64_t other = 0; other < 300; ++other)
    for (int twice = 0; twice < 2; ++twice)
      after(it, {1'000'000'000 + other * 100, 1});
}

/// More misses than associated ones may be apart.
void pass_time(mithril& it, std::uint64_t from) {
  for (std::uint64_t other = 0; other <= mithril::range; ++other)
    after(it, {2'000'000'000 + from * 1000 + other, 1});
}

} // namespace

TEST_CASE(
    "Mithril associates requests that were missed one behind the other twice, once enough was recorded") {
  mithril it;
  for (std::uint64_t round = 0; round < 2; ++round) {
    after(it, {7000, 1});
    after(it, {9500, 3});
    pass_time(it, round);
  }
  CHECK(after(it, {7000, 1}, 1).empty());
  fill_table(it);
  // As long as it was the last time.
  after(it, {9500, 5}, 1);
  CHECK(after(it, {7000, 1}, 1) == std::vector<extent>{{9500, 5}});
  CHECK(after(it, {9500, 5}, 1).empty());
}

TEST_CASE("Mithril leaves alone what is missed too often to be sporadic") {
  mithril it;
  for (std::uint64_t round = 0; round <= mithril::support_max; ++round) {
    after(it, {7000, 1});
    after(it, {9500, 1});
    pass_time(it, round);
  }
  fill_table(it);
  CHECK(after(it, {7000, 1}, 1).empty());
}

TEST_CASE("Mithril does not associate what came together only once of three times") {
  mithril it;
  for (std::uint64_t round = 0; round < 3; ++round) {
    after(it, {7000, 1});
    if (round > 0)
      pass_time(it, round);
    after(it, {9500, 1});
    pass_time(it, 10 + round);
  }
  fill_table(it);
  CHECK(after(it, {7000, 1}, 1).empty());
}

TEST_CASE("ours follows an earlier run from the first request of the next one") {
  predict::mix_limits limits;
  ours taught(limits);
  forerun::access seen;
  seen.how = outcome::miss;
  for (std::uint64_t i = 0; i < 100; ++i) {
    seen.where = {i * 7919 % 1009, 1};
    taught.train(seen);
  }
  taught.trained();
  std::uint64_t wanted = 0;
  for (const auto& each : after(taught, {0, 1}))
    for (std::uint64_t i = 1; i < 100; ++i)
      wanted += each.contains(i * 7919 % 1009);
  CHECK(wanted > 90);
  wanted = 0;
  ours fresh(limits);
  for (const auto& each : after(fresh, {0, 1}))
    wanted += each.count;
  CHECK(wanted < 64); // What is around a first read, at most.
}
