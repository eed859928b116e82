#include "runtime/prefetch/scheduler.hpp"
#include <doctest/doctest.h>
#include <set>

using namespace forerun;
using namespace forerun::prefetch;

namespace {

constexpr instant start{std::chrono::hours{1}};
constexpr auto ms = [](auto count) { return nanos{std::chrono::milliseconds{count}}; };

/// An image of which some blocks are here.
struct image final : residency {
  bool absent(std::uint64_t block) const override { return !here.contains(block); }
  std::uint64_t blocks() const override { return size; }
  std::set<std::uint64_t> here;
  std::uint64_t size = 1 << 20;
};

prediction expect(std::uint64_t first, std::uint32_t count, float probability, expert by = expert::stream,
                  nanos in = nanos{0}) {
  return {.where = {first, count}, .probability = probability, .expected = start + in, .by = by};
}

forecast ranking(std::uint64_t run, std::vector<extent> extents, bool switched = false) {
  forecast out{.run = {run}, .ranked = {}, .switched = switched};
  for (const auto where : extents)
    out.ranked.push_back(expect(where.first, where.count, 0.95f, expert::history));
  return out;
}

std::vector<extent> extents(const std::vector<plan>& plans) {
  std::vector<extent> out;
  for (const auto& it : plans)
    out.push_back(it.where);
  return out;
}

std::uint64_t blocks(const std::vector<plan>& plans) {
  std::uint64_t sum = 0;
  for (const auto& it : plans)
    sum += it.where.count;
  return sum;
}

/// A scheduler that has measured its path to the end.
struct measured {
  explicit measured(std::uint64_t bytes_second) {
    // Its window is filled until more in flight brings no more.
    for (std::uint64_t at = 0; it.figures().delay == nanos{0} || at < 200; ++at) {
      std::vector<prediction> hints;
      for (std::uint64_t block = 0; block < 64; ++block)
        hints.push_back(expect(100'000 + (at * 64 + block) * 10, 1, 0, expert::hint,
                               now - start + nanos{std::chrono::seconds{10}}));
      it.add(hints);
      for (const auto& what : it.next(now, here)) {
        link_free = std::max(link_free, now) +
                    nanos{static_cast<nanos::rep>(what.where.bytes() * 1'000'000'000 / bytes_second)};
        flying.push_back({what, now, link_free + ms(1)});
      }
      if (flying.empty())
        continue;
      now = flying.front().back;
      it.done(flying.front().what.where, flying.front().what.where.bytes(), flying.front().at, now);
      flying.erase(flying.begin());
    }
    for (const auto& one : flying) {
      now = std::max(now, one.back);
      it.done(one.what.where, one.what.where.bytes(), one.at, one.back);
    }
    image none; // What still waits is for nothing.
    none.size = 0;
    CHECK(it.next(now, none).empty());
  }
  struct sent {
    plan what;
    instant at;
    instant back;
  };
  scheduler it;
  image here;
  std::vector<sent> flying;
  instant now = start;
  instant link_free = start;
};

} // namespace

TEST_CASE("a forecast is fetched in its order, in extents of at most 128 KiB") {
  scheduler it;
  image here;
  REQUIRE(it.replace(ranking(1, {{1000, 2}, {10, 40}, {500, 1}})));
  const auto plans = it.next(start, here);
  CHECK(extents(plans) == std::vector<extent>{{1000, 2}, {10, 32}, {42, 8}, {500, 1}});
  CHECK(plans[0].why.by == expert::history);
  CHECK(plans[0].why.tier == prefetch_tier::critical);
  CHECK(it.next(start, here).empty());
}

TEST_CASE("an extent grows both ways over blocks that follow within 512 ranks, and over no others") {
  scheduler it;
  image here;
  here.here = {103};
  // 98 follows too late: more than 512 blocks are ranked before it.
  REQUIRE(it.replace(ranking(1, {{100, 1}, {99, 1}, {101, 5}, {5000, 512}, {98, 1}})));
  const auto plans = it.next(start, here);
  REQUIRE(plans.size() >= 3);
  CHECK(plans[0].where == extent{99, 4});
  CHECK(plans[1].where == extent{104, 2});
  CHECK(plans[2].where == extent{5000, 32});
}

TEST_CASE("nothing below the history's threshold is fetched for a forecast") {
  scheduler it;
  image here;
  forecast unsure{.run = {1}, .ranked = {expect(1, 4, 0.6f, expert::history)}};
  REQUIRE(it.replace(unsure));
  CHECK(it.next(start, here).empty());
}

TEST_CASE("a new forecast replaces the old one, and what is in flight is not planned again") {
  scheduler it({.window_bytes_start = 64 << 10, .window_bytes_min = 64 << 10});
  image here;
  REQUIRE(it.replace(ranking(1, {{0, 32}, {100, 32}})));
  CHECK(extents(it.next(start, here)) == std::vector<extent>{{0, 32}});
  REQUIRE(it.replace(ranking(1, {{16, 32}, {200, 8}})));
  it.done({0, 32}, 32 * block_bytes, start, start + ms(10));
  for (std::uint64_t block = 0; block < 32; ++block)
    here.here.insert(block);
  CHECK(extents(it.next(start + ms(10), here)) == std::vector<extent>{{32, 16}, {200, 8}});
}

TEST_CASE("the window counts demand, and opens when bytes arrive") {
  scheduler it({.window_bytes_start = 256 << 10, .window_bytes_min = 256 << 10});
  image here;
  REQUIRE(it.replace(ranking(1, {{0, 4096}})));
  it.demand_sent(192 << 10);
  const auto plans = it.next(start, here);
  CHECK(blocks(plans) == 32); // 192 KiB + 128 KiB: the window is full
  CHECK(it.next(start, here).empty());
  it.demand_done(192 << 10, true, start, start + ms(10));
  CHECK(!it.next(start + ms(10), here).empty());
}

TEST_CASE("the window finds the bandwidth-delay product of a link and goes little beyond it") {
  // 10 ms, 100 MB/s: 1 MB.
  scheduler it;
  image here;
  REQUIRE(it.replace(ranking(1, {{0, 100000}})));
  struct sent {
    plan what;
    instant at;
    instant back;
  };
  std::vector<sent> flying;
  auto now = start;
  auto link_free = start;
  std::uint64_t most = 0;
  for (const auto end = start + ms(2000); now < end;) {
    for (const auto& what : it.next(now, here)) {
      const auto transfer = nanos{static_cast<nanos::rep>(what.where.bytes() * 10)}; // 10 ns a byte
      link_free = std::max(link_free, now) + transfer;
      flying.push_back({what, now, link_free + ms(10)});
    }
    REQUIRE(!flying.empty());
    const auto first = flying.front();
    flying.erase(flying.begin());
    now = first.back;
    for (auto block = first.what.where.first; block < first.what.where.end(); ++block)
      here.here.insert(block);
    it.done(first.what.where, first.what.where.bytes(), first.at, now);
    if (now > start + ms(500))
      most = std::max(most, it.figures().in_flight_bytes);
  }
  const auto figures = it.figures();
  CHECK(figures.bandwidth == doctest::Approx(100e6).epsilon(0.1));
  CHECK(figures.delay < ms(13));
  CHECK(most > 1'000'000);
  CHECK(most < 1'800'000);
  CHECK(here.here.size() * block_bytes > 180'000'000);
}

TEST_CASE("after a switch unread prefetch stays small until reads confirm the new group") {
  scheduler it({.window_bytes_min = 64 << 20});
  image here;
  REQUIRE(it.replace(ranking(1, {{0, 5000}}, true)));
  CHECK(blocks(it.next(start, here)) == 512);
  CHECK(it.next(start, here).empty());
  it.read({1}, {0, 32}, 32);
  CHECK(blocks(it.next(start, here)) == 64);
  it.read({1}, {4000, 8}, 0);
  CHECK(blocks(it.next(start, here)) == 8);
  it.read({1}, {9000, 8}, 0); // not foreseen
  CHECK(it.next(start, here).empty());
}

TEST_CASE("tiers go in order, each by deadline, and background only in an idle period") {
  scheduler it;
  image here;
  const prediction all[] = {expect(10, 1, 0.2f), expect(20, 1, 0.6f, expert::stream, ms(5)),
                            expect(30, 1, 0.6f, expert::stream, ms(1)), expect(40, 1, 0.99f),
                            expect(50, 1, 0.05f)};
  it.add(all);
  it.demand_sent(4096);
  CHECK(extents(it.next(start, here)) == std::vector<extent>{{40, 1}, {30, 1}, {20, 1}});
  it.demand_done(4096, true, start, start + ms(1));
  // The pause between two reads is no idle period.
  CHECK(it.next(start + ms(5), here).empty());
  const auto rest = it.next(start + ms(21), here);
  CHECK(extents(rest) == std::vector<extent>{{10, 1}});
  CHECK(rest[0].why.tier == prefetch_tier::background);
  CHECK(it.figures().unlikely == 1);
}

TEST_CASE("on a path whose speed is not known yet there is bandwidth for every tier") {
  scheduler it;
  image here;
  it.demand_sent(4096);
  it.demand_done(4096, true, start, start + ms(1000)); // 4 KiB/s, for that was all it was asked for.
  it.demand_sent(4096);
  const prediction all[] = {expect(10, 1, 0.6f), expect(20, 1, 0.99f)};
  it.add(all);
  CHECK(blocks(it.next(start + ms(1000), here)) == 2);
}

TEST_CASE("what is critical needs the least bandwidth, what is predictive a moderate one") {
  const auto moved_at = [](std::uint64_t bytes_second) {
    measured path(bytes_second);
    const prediction all[] = {expect(10, 1, 0.6f, expert::stream, ms(9000)),
                              expect(20, 1, 0.99f, expert::stream, ms(9000))};
    path.it.add(all);
    path.it.demand_sent(4096);
    return extents(path.it.next(path.now, path.here));
  };
  CHECK(moved_at(128 << 10).empty());
  CHECK(moved_at(512 << 10) == std::vector<extent>{{20, 1}});
  CHECK(moved_at(8 << 20) == std::vector<extent>{{20, 1}, {10, 1}});
}

TEST_CASE("what a slow path cannot carry beside demand is moved in an idle period") {
  measured path(128 << 10);
  const prediction all[] = {expect(10, 1, 0.6f, expert::stream, ms(9000)),
                            expect(20, 1, 0.99f, expert::stream, ms(9000))};
  path.it.add(all);
  path.it.demand_sent(4096);
  CHECK(path.it.next(path.now, path.here).empty());
  path.it.demand_done(4096, true, path.now, path.now + ms(40));
  CHECK(path.it.next(path.now + ms(40), path.here).empty());
  CHECK(extents(path.it.next(path.now + ms(60), path.here)) == std::vector<extent>{{20, 1}, {10, 1}});
}

TEST_CASE("under a high volume load only what is critical is moved, until the load falls") {
  measured path(8 << 20);
  for (int at = 0; at < 31; ++at) { // 7.75 MiB of demand in a second.
    path.it.demand_sent(256 << 10);
    path.it.demand_done(256 << 10, true, path.now, path.now + ms(31));
    path.now += ms(31);
  }
  path.it.adapt({.period = ms(1000)});
  CHECK(path.it.figures().volume_load > 0.9f);
  forecast unsure{
      .run = {1},
      .ranked = {expect(1000, 4, 0.95f, expert::history), expect(2000, 4, 0.8f, expert::history)}};
  REQUIRE(path.it.replace(unsure));
  const prediction all[] = {expect(10, 1, 0.8f, expert::stream, ms(9000)),
                            expect(20, 1, 0.99f, expert::stream, ms(9000))};
  path.it.add(all);
  path.it.demand_sent(4096);
  CHECK(extents(path.it.next(path.now, path.here)) == std::vector<extent>{{20, 1}, {1000, 4}});
  path.it.adapt({.period = ms(1000)}); // A second without demand.
  CHECK(path.it.figures().volume_load == 0);
  CHECK(extents(path.it.next(path.now, path.here)) == std::vector<extent>{{10, 1}, {2000, 4}});
}

TEST_CASE("an expert that proves no use runs out of credit, and use restores it") {
  scheduler it({.window_bytes_min = 64 << 20, .credit_blocks = 16});
  image here;
  const auto flood = [&](std::uint64_t first) {
    std::vector<prediction> many;
    for (std::uint64_t at = 0; at < 100; ++at)
      many.push_back(expect(first + at * 100, 1, 0.7f));
    it.add(many);
    return blocks(it.next(start, here));
  };
  CHECK(flood(0) == 16);
  CHECK(flood(1) == 0);
  it.used({.by = expert::stream}, 6);
  CHECK(flood(2) == 25);
  it.missed(1000);
  CHECK(flood(3) == 10);
}

TEST_CASE("a flood of hints is bounded and does not starve a forecast") {
  scheduler it({.window_bytes_min = 64 << 20, .queue = {.predictions_max = 100}});
  image here;
  std::vector<prediction> flood;
  for (std::uint64_t at = 0; at < 10'000; ++at)
    flood.push_back(expect(100'000 + at * 100, 1, 0.0f, expert::hint, ms(1)));
  it.add(flood);
  CHECK(it.figures().queue_depth == 100);
  CHECK(it.figures().shed == 9900);
  REQUIRE(it.replace(ranking(1, {{0, 3200}})));
  const auto plans = it.next(start, here);
  std::size_t early = 0;
  for (std::size_t at = 0; at < 100; ++at)
    early += plans[at].why.by == expert::history;
  CHECK(early >= 49);
}

TEST_CASE("a prediction past the end of the image or past its time is not fetched") {
  scheduler it;
  image here;
  here.size = 100;
  const prediction wild[] = {expect(98, 10, 0.9f, expert::hint), expect(~std::uint64_t{0} - 3, 8, 0.9f),
                             expect(5, 0xffffffff, 0.0f, expert::hint, ms(1))};
  it.add(wild);
  REQUIRE(it.replace(ranking(1, {{95, 20}})));
  std::uint64_t end = 0;
  for (const auto& what : it.next(start, here))
    end = std::max(end, what.where.end());
  CHECK(end == 100);
  const prediction old[] = {expect(1, 1, 0.7f)};
  scheduler late;
  late.add(old);
  CHECK(late.next(start + ms(3000), here).empty());
  CHECK(late.figures().expired == 1);
}

TEST_CASE("the operator's share limits what prefetch moves, and none stops it") {
  scheduler none({.bandwidth_share_max = 0});
  image here;
  REQUIRE(none.replace(ranking(1, {{0, 100}})));
  CHECK(none.next(start, here).empty());

  scheduler half({.bandwidth_share_max = 0.5});
  REQUIRE(half.replace(ranking(1, {{0, 50000}})));
  // Every plan is answered 1 ms later at 128 MiB/s and more.
  auto now = start;
  std::uint64_t moved = 0;
  for (int at = 0; at < 1000; ++at) {
    const auto plans = half.next(now, here);
    const auto sent = now;
    now += ms(1);
    for (const auto& what : plans) {
      for (auto block = what.where.first; block < what.where.end(); ++block)
        here.here.insert(block);
      half.done(what.where, what.where.bytes(), sent, now);
      moved += what.where.bytes();
    }
  }
  CHECK(static_cast<double>(moved) < 0.6 * half.figures().bandwidth);
  CHECK(moved > 10'000'000);
}

TEST_CASE("plans that nobody reports are given up") {
  scheduler it({.window_bytes_start = 128 << 10, .window_bytes_min = 128 << 10});
  image here;
  REQUIRE(it.replace(ranking(1, {{0, 64}})));
  CHECK(blocks(it.next(start, here)) == 32);
  CHECK(it.next(start + ms(1000), here).empty());
  CHECK(blocks(it.next(start + ms(121'000), here)) == 32);
}

TEST_CASE("too many runs are refused, and a run that ended makes room") {
  scheduler it({.runs_max = 2});
  REQUIRE(it.replace(ranking(1, {{0, 1}})));
  REQUIRE(it.replace(ranking(2, {{0, 1}})));
  REQUIRE(it.replace(ranking(2, {{5, 1}})));
  CHECK(it.replace(ranking(3, {{0, 1}})).error() == errc::overloaded);
  it.forget({1});
  CHECK(it.replace(ranking(3, {{0, 1}})));
}

TEST_CASE(
    "before anything was measured the window is the start window, and after it never less than the least") {
  scheduler it({.window_bytes_start = 1 << 20, .window_bytes_min = 256 << 10});
  CHECK(it.figures().window_bytes == 1 << 20);
  it.demand_sent(4096);
  it.demand_done(4096, true, start, start + ms(10));
  CHECK(it.figures().window_bytes == 256 << 10);
}

TEST_CASE("a measured path of any size keeps the window within its bounds") {
  scheduler it;
  it.demand_sent(1 << 30);
  it.demand_done(1 << 30, true, start, start);
  CHECK(it.figures().window_bytes <= 64 << 20);
  it.demand_sent(1 << 30);
  it.demand_done(1 << 30, true, start, start + ms(1000));
  it.demand_done(~std::uint64_t{0}, false, start, start + ms(1000));
  CHECK(it.figures().in_flight_bytes == 0);
  CHECK(it.figures().window_bytes >= 256 << 10);
}
