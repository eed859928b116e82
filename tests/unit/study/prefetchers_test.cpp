#include "runtime/study/leap.hpp"
#include "runtime/study/mithril.hpp"
#include "runtime/study/ours.hpp"
#include "runtime/study/readahead.hpp"
#include "runtime/study/successor.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::study;

namespace {

class nothing_here final : public residency {
public:
  bool absent(std::uint64_t) const override { return true; }
  std::uint64_t blocks() const override { return std::uint64_t{1} << 40; }
};

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

TEST_CASE("Leap follows the majority of differences through noise, further while it is useful") {
  leap it;
  CHECK(after(it, {1000, 1}).empty());
  std::uint64_t block = 1000;
  for (int i = 0; i < 20; ++i)
    after(it, {block += 4, 1});
  block += 4;
  CHECK(after(it, {block, 1}) == std::vector<extent>{{block + 4, 1}});
  // Seven were used: a window of eight steps.
  CHECK(after(it, {block += 4, 1}, 7).size() == 8);
  // Noise is in the minority, and the window shrinks by half at a time.
  const auto noise = after(it, {5000, 1});
  REQUIRE(noise.size() == 4);
  CHECK(noise.front() == extent{5004, 1});
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

TEST_CASE("Mithril associates what was missed side by side twice, once enough was recorded") {
  mithril it;
  // Pairs, far from each other in time, each seen twice.
  for (int round = 0; round < 2; ++round)
    for (std::uint64_t pair = 0; pair < mithril::mined_rows / 2; ++pair) {
      after(it, {pair * 1000, 1});
      after(it, {pair * 1000 + 500, 1});
      if (round == 0)
        for (std::uint64_t other = 0; other < mithril::range; ++other)
          after(it, {1'000'000'000 + pair * 100 + other, 1});
    }
  CHECK(after(it, {7000, 1}) == std::vector<extent>{{7500, 1}});
  CHECK(after(it, {7500, 1}).empty());
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
