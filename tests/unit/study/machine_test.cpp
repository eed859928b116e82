#include "runtime/study/machine.hpp"
#include "runtime/study/perfect.hpp"
#include "runtime/study/readahead.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::study;
using namespace std::chrono_literals;

namespace {

/// Wants the same after every request.
class fixed final : public prefetcher {
public:
  explicit fixed(std::vector<extent> what) : what_(std::move(what)) {}
  void observe(const forerun::access&, const residency&, const predict::link_figures&, wishes& out) override {
    for (const auto& each : what_)
      out.fetch.push_back({.where = each, .probability = 0.5f});
  }

private:
  std::vector<extent> what_;
};

machine made(std::size_t capacity, std::unique_ptr<prefetcher> ahead, far_side origin = {}) {
  return {{.capacity = capacity, .origin = origin, .requests = 4},
          cache::make_policy(cache::policy_kind::lru, capacity),
          std::move(ahead)};
}

constexpr far_side slow{.timed = true, .delay = 10ms, .bits_per_second = 4096.0 * 8 * 1000}; // 1 ms a block.

} // namespace

TEST_CASE("blocks of one request miss one by one, and the request once") {
  auto it = made(10, std::make_unique<no_prefetch>());
  it.take({.first = 0, .count = 3});
  it.take({.first = 2, .count = 2});
  it.take({.first = 0, .count = 4});
  const auto seen = it.end();
  CHECK(seen.touches == 9);
  CHECK(seen.misses == 4);
  CHECK(seen.requests_missed == 2);
  CHECK(seen.fetched() == 4);
}

TEST_CASE("what has no name before its first touch cannot be fetched ahead") {
  machine it({.capacity = 4, .requests = 4, .named = 0}, cache::make_policy(cache::policy_kind::lru, 4),
             std::make_unique<fixed>(std::vector<extent>{{1, 1}}));
  it.take({.first = 0});
  CHECK_FALSE(it.absent(1));
  CHECK(it.seen().prefetched == 0);
  it.take({.first = 1});
  CHECK(it.seen().misses == 2);
  for (std::uint64_t block = 2; block < 6; ++block)
    it.take({.first = block}); // 1 has gone by now, and it has a name.
  CHECK(it.end().prefetched > 0);
}

TEST_CASE("what is prefetched is used once, and what leaves unread is waste") {
  auto it = made(4, std::make_unique<fixed>(std::vector<extent>{{10, 2}}));
  it.take({.first = 0});
  it.take({.first = 10});
  it.take({.first = 10});
  const auto seen = it.end();
  CHECK(seen.prefetched == 2);
  CHECK(seen.used == 1);
  CHECK(seen.misses == 1);
  CHECK(seen.accuracy() == doctest::Approx(0.5));
  CHECK(seen.coverage() == doctest::Approx(0.5));
  CHECK(seen.moved.bins()[10].count == 2);
  CHECK(seen.moved.calibration_error() == doctest::Approx(0));
}

TEST_CASE("a delay in requests makes a prefetch late, a miss and no second transfer") {
  auto it = made(8, std::make_unique<fixed>(std::vector<extent>{{10, 1}}), {.delay_requests = 1});
  it.take({.first = 0});
  it.take({.first = 10});
  it.take({.first = 10});
  const auto seen = it.end();
  CHECK(seen.late == 1);
  CHECK(seen.misses == 2);
  CHECK(seen.fetched() == 2);
  CHECK(seen.stall == nanos{0});
}

TEST_CASE("what is on its way takes no room from what is there") {
  auto it = made(2, std::make_unique<fixed>(std::vector<extent>{{10, 2}}), {.delay_requests = 3});
  for (const std::uint64_t block : {0, 1, 0, 1})
    it.take({.first = block});
  CHECK(it.seen().misses == 2);
  it.take({.first = 0}); // By now it has come.
  CHECK(it.end().misses == 3);
}

TEST_CASE("a read waits for the delay and for the link, and thinking is no wait") {
  auto it = made(8, std::make_unique<no_prefetch>(), slow);
  it.take({.first = 0, .count = 2});
  it.take({.first = 0, .count = 1, .gap_ns = 1'000'000'000});
  const auto seen = it.end();
  CHECK(seen.stall == 12ms);
  CHECK(seen.think == 1s);
}

TEST_CASE("requests made together wait together") {
  auto it = made(8, std::make_unique<no_prefetch>(), slow);
  it.take({.first = 0});
  it.take({.first = 5, .count = 1, .gap_ns = 100'000});
  CHECK(it.end().stall == 12ms);
}

TEST_CASE("a late prefetch is waited for only as long as it still takes") {
  auto it = made(8, std::make_unique<fixed>(std::vector<extent>{{10, 1}}), slow);
  it.take({.first = 0});
  // The prefetch left with the first read and comes 1 ms behind it.
  it.take({.first = 10, .count = 1, .gap_ns = 500'000});
  const auto seen = it.end();
  CHECK(seen.late == 1);
  CHECK(seen.stall == 11ms + 500us);
}

TEST_CASE("what waits in the queue is fetched on demand when it is read first") {
  // 256 KiB may be in flight: 64 blocks. The 65th proposal waits.
  std::vector<extent> many;
  for (std::uint64_t block = 100; block < 170; ++block)
    many.push_back({block, 1});
  auto it = made(1000, std::make_unique<fixed>(many), slow);
  it.take({.first = 0});
  it.take({.first = 169, .count = 1, .gap_ns = 200'000});
  const auto seen = it.end();
  CHECK(seen.late == 0);
  CHECK(seen.misses == 2);
  CHECK(seen.prefetched < 70);
}

TEST_CASE("an absurdly slow link is no overflow of time") {
  auto it = made(1000, std::make_unique<no_prefetch>(), {.timed = true, .delay = 1h, .bits_per_second = 1});
  for (std::uint64_t i = 0; i < 100; ++i)
    it.take({.first = i * 8192, .count = 8192, .gap_ns = i == 0 ? 0 : INT64_MAX / 400});
  CHECK(it.end().stall > nanos{0});
  CHECK(it.end().stall <= nanos{INT64_MAX / 2});
}

TEST_CASE("Belady's eviction keeps what is used soonest") {
  // a b c a b with room for two: c replaces b, as a comes first. b is missed again: 4 misses, LRU has 5.
  const std::uint64_t blocks[] = {1, 2, 3, 1, 2};
  const std::uint64_t next[] = {3, 4, never, never, never};
  auto eviction = std::make_unique<belady>();
  auto* limit = eviction.get();
  machine it({.capacity = 2}, std::move(eviction), std::make_unique<no_prefetch>(), limit);
  for (std::size_t i = 0; i < 5; ++i)
    it.take({.first = blocks[i]}, std::span{&next[i], 1});
  CHECK(it.end().misses == 4);
}

TEST_CASE("perfect prefetch misses the first request only, and moves no more than Belady's misses") {
  const std::uint64_t blocks[] = {1, 2, 3, 1, 2};
  const std::uint64_t next[] = {3, 4, never, never, never};
  auto eviction = std::make_unique<belady>();
  auto* limit = eviction.get();
  auto ahead = std::make_unique<perfect>(*limit, 2);
  auto* knows = ahead.get();
  machine it({.capacity = 2}, std::move(eviction), std::move(ahead), limit);
  knows->coming({.first = blocks[0]}, 0);
  for (std::size_t i = 0; i < 5; ++i) {
    if (i + 1 < 5)
      knows->coming({.first = blocks[i + 1]}, i + 1);
    it.take({.first = blocks[i]}, std::span{&next[i], 1});
  }
  const auto seen = it.end();
  CHECK(seen.misses == 1);
  CHECK(seen.fetched() == 4);
  CHECK(seen.accuracy() == 1);
}

TEST_CASE("readahead opens a window at the second request in a row and doubles it at its marker") {
  readahead it;
  wishes out;
  const auto read = [&](std::uint64_t first) {
    out.clear();
    forerun::access seen;
    seen.where = {first, 1};
    it.observe(seen, made(1, std::make_unique<no_prefetch>()), {}, out);
    return out.fetch.empty() ? extent{} : out.fetch.front().where;
  };
  CHECK(read(100) == extent{});
  CHECK(read(101) == extent{102, 4});
  CHECK(read(102) == extent{106, 8});
  CHECK(read(103) == extent{});
  CHECK(read(5000) == extent{});
  CHECK(read(106 - 2) == extent{});
  CHECK(read(105) == extent{});
  CHECK(read(106) == extent{114, 16});
}
