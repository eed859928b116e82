#include "runtime/base/block_set.hpp"
#include "runtime/predict/neighbourhood.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::predict;

namespace {

struct empty_cache final : residency {
  block_set moved;
  std::uint64_t size = 1u << 18;
  bool absent(std::uint64_t block) const override { return !moved.contains(block); }
  std::uint64_t blocks() const override { return size; }
  void move(extent where) {
    for (auto block = where.first; block < where.end(); ++block)
      moved.insert(block);
  }
};

std::vector<prediction> reads(neighbourhood& fill, empty_cache& cache, extent where, bool act = true) {
  std::vector<prediction> out;
  cache.move(where);
  fill.observe(where, act, cache, {}, instant{}, out);
  for (const auto& one : out)
    cache.move(one.where);
  return out;
}

} // namespace

TEST_CASE("around the reads of a growing file the neighbourhood is filled, and what it asks for is absent") {
  neighbourhood fill;
  empty_cache cache;
  std::uint64_t asked = 0;
  for (std::uint64_t at = 4096; at < 4096 + 2048; at += 8) {
    std::vector<prediction> out;
    cache.move({at, 8});
    fill.observe({at, 8}, true, cache, {}, instant{}, out);
    for (const auto& one : out) {
      CHECK(one.where.count <= neighbourhood::reach_blocks);
      CHECK(one.by == expert::neighbourhood);
      CHECK(one.probability > 0);
      CHECK(one.probability <= 1);
      for (auto block = one.where.first; block < one.where.end(); ++block)
        CHECK(cache.absent(block));
      cache.move(one.where);
      asked += one.where.count;
    }
  }
  CHECK(asked > 1000);
  CHECK(fill.figures().asked_blocks == asked);
  CHECK_FALSE(fill.figures().silent);
}

TEST_CASE("reads that prove nothing cost no more than the trial") {
  neighbourhood fill;
  empty_cache cache;
  std::uint64_t seed = 1;
  for (int at = 0; at < 20000; ++at) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    reads(fill, cache, {(seed >> 33) % (cache.size - 8), 2});
  }
  const auto seen = fill.figures();
  CHECK(seen.asked_blocks - seen.used_blocks <= neighbourhood_limits{}.trial_blocks + 64);
  CHECK(seen.silent);
}

TEST_CASE("unread blocks stay below their bound at every moment") {
  neighbourhood fill;
  empty_cache cache;
  const neighbourhood_limits limits;
  for (std::uint64_t at = 0; at < 3000; ++at) {
    reads(fill, cache, {at * 40 % cache.size, 4});
    const auto seen = fill.figures();
    CHECK(static_cast<double>(seen.asked_blocks - seen.used_blocks) <=
          limits.unread_max * static_cast<double>(seen.read_blocks) + limits.unread_slack_blocks);
  }
}

TEST_CASE("a read that another expert expected is remembered and causes nothing") {
  neighbourhood fill;
  empty_cache cache;
  for (std::uint64_t at = 0; at < 512; at += 8)
    CHECK(reads(fill, cache, {at, 8}, false).empty());
  CHECK(fill.figures().read_blocks == 512);
  CHECK(reads(fill, cache, {0, 8}).empty());
}

TEST_CASE("what other experts ask for counts until it is read") {
  neighbourhood fill;
  empty_cache cache;
  fill.asked({100, 50}, 0.5f);
  fill.asked({120, 50}, 0.5f);
  CHECK(fill.figures().asked_blocks == 70);
  reads(fill, cache, {90, 40}, false);
  CHECK(fill.figures().used_blocks == 30);
}

TEST_CASE("nothing is asked for past the end of the image") {
  neighbourhood fill;
  empty_cache cache;
  cache.size = 1000;
  for (std::uint64_t at = 800; at < 1000; at += 8)
    for (const auto& one : reads(fill, cache, {at, 8}))
      CHECK(one.where.end() <= 1000);
}

TEST_CASE("a run that starts anew has read nothing") {
  neighbourhood fill;
  empty_cache cache;
  reads(fill, cache, {0, 64});
  fill.forget();
  CHECK(fill.figures().read_blocks == 0);
  CHECK(fill.figures().memory_bytes == 0);
}
