#include "runtime/base/bytes.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/predict/history.hpp"
#include <doctest/doctest.h>
#include <random>
#include <set>

using namespace forerun;
using namespace forerun::predict;

namespace {

constexpr instant start{std::chrono::hours{1}};

forerun::access read_of(extent where, nanos think = std::chrono::milliseconds{1}) {
  forerun::access out;
  out.where = where;
  out.think = think;
  return out;
}

/// A program: a shared beginning, then its own blocks, in an order of its own.
std::vector<extent> program(unsigned seed, std::size_t shared, std::size_t own) {
  std::vector<extent> out;
  const auto part = [&out](unsigned part_seed, std::size_t count, std::uint64_t base) {
    std::vector<extent> extents;
    for (std::size_t at = 0; at < count; ++at)
      extents.push_back({base + at * 8, static_cast<std::uint32_t>(1 + at % 4)});
    std::shuffle(extents.begin(), extents.end(), std::mt19937(part_seed));
    out.insert(out.end(), extents.begin(), extents.end());
  };
  part(0, shared, 0);
  part(seed, own, std::uint64_t{seed} * 1'000'000);
  return out;
}

void run(history& it, std::uint64_t id, const std::vector<extent>& reads, std::string_view label = "") {
  REQUIRE(it.begin({id}, label));
  for (const auto where : reads)
    it.observe({id}, read_of(where));
  it.end({id});
}

std::set<std::uint64_t> blocks_of(const forecast& what) {
  std::set<std::uint64_t> out;
  for (const auto& at : what.ranked)
    for (auto block = at.where.first; block < at.where.end(); ++block)
      CHECK(out.insert(block).second);
  return out;
}

std::set<std::uint64_t> blocks_of(const std::vector<extent>& reads) {
  std::set<std::uint64_t> out;
  for (const auto where : reads)
    for (auto block = where.first; block < where.end(); ++block)
      out.insert(block);
  return out;
}

} // namespace

TEST_CASE("one earlier run is enough: the next is forecast whole, in its order, before its first read") {
  history it;
  const auto reads = program(1, 200, 200);
  run(it, 1, reads);
  REQUIRE(it.begin({2}, ""));
  const auto what = it.rank({2}, start);
  REQUIRE(what);
  CHECK(what->run == run_id{2});
  CHECK(!what->switched);
  CHECK(blocks_of(*what) == blocks_of(reads));
  std::vector<extent> order;
  for (const auto& at : what->ranked) {
    order.push_back(at.where);
    CHECK(at.probability >= history_probability_min);
    CHECK(at.by == expert::history);
  }
  CHECK(order.front() == reads.front());
  CHECK(order.back() == reads.back());
  CHECK(what->ranked.back().expected - start == std::chrono::milliseconds{400});
  CHECK(!it.rank({2}, start));
}

TEST_CASE("nothing is forecast without a history") {
  history it;
  REQUIRE(it.begin({1}, "db"));
  const auto what = it.rank({1}, start);
  REQUIRE(what);
  CHECK(what->ranked.empty());
  CHECK(!it.explains({1}, {0, 1}));
}

TEST_CASE("of several programs, the one that runs is recognised from its first blocks of its own") {
  history it;
  for (unsigned seed = 1; seed <= 4; ++seed)
    run(it, seed, program(seed, 300, 300));
  CHECK(it.figures().groups == 4);
  REQUIRE(it.begin({9}, ""));
  const auto reads = program(3, 300, 300);
  const auto before = it.rank({9}, start);
  REQUIRE(before);
  CHECK(blocks_of(*before) == blocks_of(program(1, 300, 0)));
  std::size_t needed = 0;
  bool recognised = false;
  bool switched = false;
  for (std::size_t at = 0; at < reads.size() && !recognised; ++at) {
    if (!it.observe({9}, read_of(reads[at])))
      continue;
    const auto what = it.rank({9}, start);
    REQUIRE(what);
    switched = switched || what->switched;
    recognised = blocks_of(*what).contains(reads.back().first);
    needed = at;
  }
  CHECK(recognised);
  CHECK(switched);
  CHECK(needed < 300 + 6);
  CHECK(it.explains({9}, reads.back()));
  CHECK(!it.explains({9}, program(2, 0, 1).front()));
}

TEST_CASE("a label names the program before it reads anything of its own") {
  history it;
  run(it, 1, program(1, 300, 300), "gcc");
  run(it, 2, program(2, 300, 300), "db");
  run(it, 3, program(3, 300, 300));
  REQUIRE(it.begin({9}, "db"));
  CHECK(blocks_of(*it.rank({9}, start)) == blocks_of(program(2, 300, 300)));
  REQUIRE(it.begin({10}, "pyweb"));
  CHECK(blocks_of(*it.rank({10}, start)).size() <= blocks_of(program(1, 300, 0)).size());
}

TEST_CASE("like runs share a group, others and other labels never do, and a group keeps its newest runs") {
  history it({.group_runs_max = 3});
  auto reads = program(1, 100, 100);
  for (std::uint64_t id = 1; id <= 5; ++id) {
    std::swap(reads[id], reads[id + 1]);
    run(it, id, reads);
  }
  CHECK(it.figures().groups == 1);
  CHECK(it.figures().runs_stored == 3);
  run(it, 6, program(2, 100, 100));
  CHECK(it.figures().groups == 2);
  run(it, 7, reads, "a");
  CHECK(it.figures().groups == 2);
  run(it, 8, reads, "b");
  CHECK(it.figures().groups == 3);
}

TEST_CASE("at its bounds the history forgets the programs that were matched longest ago") {
  history it({.runs_max = 4});
  for (unsigned seed = 1; seed <= 4; ++seed)
    run(it, seed, program(seed, 0, 100));
  run(it, 5, program(1, 0, 100)); // matched again; takes the place of the second
  run(it, 6, program(6, 0, 100));
  CHECK(it.figures().runs_stored == 4);
  REQUIRE(it.begin({9}, ""));
  CHECK(it.observe({9}, read_of(program(1, 0, 100).front())));
  for (const auto where : program(1, 0, 20))
    it.observe({9}, read_of(where));
  CHECK(it.explains({9}, program(1, 0, 100).back()));
  CHECK(!it.explains({9}, program(2, 0, 100).back()));

  history small({.table_entries_max = 600});
  for (unsigned seed = 1; seed <= 4; ++seed)
    run(small, seed, program(seed, 0, 100));
  CHECK(small.figures().table_entries <= 600);
  CHECK(small.figures().runs_stored == 2);
}

TEST_CASE("a run cut short does not stand beside the whole one of the same label") {
  history it;
  run(it, 1, program(1, 100, 0), "gcc");
  run(it, 2, program(1, 100, 100), "gcc");
  CHECK(it.figures().groups == 1);
  run(it, 3, program(1, 50, 0), "gcc");
  CHECK(it.figures().groups == 1);
  REQUIRE(it.begin({9}, "gcc"));
  CHECK(blocks_of(*it.rank({9}, start)) == blocks_of(program(1, 100, 100)));
}

TEST_CASE("a look at the volume teaches nothing, and writes are no reads") {
  history it;
  run(it, 1, {{0, 1}, {5, 2}});
  CHECK(it.figures().runs_stored == 0);
  REQUIRE(it.begin({2}, ""));
  for (std::uint64_t at = 0; at < 100; ++at) {
    auto write = read_of({at * 10, 4});
    write.op = operation::write;
    it.observe({2}, write);
  }
  it.end({2});
  CHECK(it.figures().runs_stored == 0);
}

TEST_CASE("what a run touches beyond the bound is counted and left out") {
  history it({.run_blocks_max = 100});
  REQUIRE(it.begin({1}, ""));
  for (std::uint64_t at = 0; at < 200; ++at)
    it.observe({1}, read_of({at * 4, 2}));
  CHECK(it.figures().blocks_left_out == 300);
  it.end({1});
  REQUIRE(it.begin({2}, ""));
  CHECK(blocks_of(*it.rank({2}, start)).size() == 100);
}

TEST_CASE("runs at once are bounded, and each has its own forecast") {
  history it({.active_max = 2});
  run(it, 1, program(1, 100, 0));
  REQUIRE(it.begin({2}, ""));
  CHECK(it.begin({2}, "").error() == errc::exists);
  REQUIRE(it.begin({3}, ""));
  CHECK(it.begin({4}, "").error() == errc::overloaded);
  CHECK(!it.rank({4}, start));
  const auto reads = program(1, 100, 0);
  for (std::size_t at = 0; at < 50; ++at)
    it.observe({2}, read_of(reads[at]));
  CHECK(it.rank({3}, start));
}

TEST_CASE("a run that goes on while another is learned follows it from then on") {
  history it;
  const auto reads = program(1, 300, 0);
  REQUIRE(it.begin({1}, ""));
  REQUIRE(it.begin({2}, ""));
  for (const auto where : reads)
    it.observe({1}, read_of(where));
  it.observe({2}, read_of(reads[0]));
  it.end({1});
  for (std::size_t at = 1; at < 30; ++at)
    it.observe({2}, read_of(reads[at]));
  const auto what = it.rank({2}, start);
  REQUIRE(what);
  CHECK(blocks_of(*what).contains(reads.back().first));
}

TEST_CASE("the history outlives its process: what is saved predicts the same after it is loaded") {
  history it;
  for (unsigned seed = 1; seed <= 3; ++seed)
    run(it, seed, program(seed, 200, 200), seed == 2 ? "db" : "");
  run(it, 4, program(1, 200, 200));
  const auto bytes = it.save();
  history again;
  REQUIRE(again.load(bytes));
  CHECK(again.save() == bytes);
  CHECK(again.figures().runs_stored == 4);
  CHECK(again.figures().groups == 3);
  for (const auto* label : {"", "db"}) {
    REQUIRE(it.begin({9}, label));
    REQUIRE(again.begin({9}, label));
    const auto a = it.rank({9}, start);
    const auto b = again.rank({9}, start);
    CHECK(blocks_of(*a) == blocks_of(*b));
    it.end({9});
    again.end({9});
  }
}

TEST_CASE("a damaged snapshot is refused whole, wherever the damage is") {
  history it;
  run(it, 1, program(1, 50, 50), "gcc");
  const auto good = it.save();
  history other;
  run(other, 1, program(2, 50, 50));
  const auto kept = other.save();
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto bad = good;
    bad[at] ^= std::byte{1};
    CHECK(other.load(bad).error() == errc::corrupt);
    CHECK(other.load(std::span(good).first(at)).error() == errc::corrupt);
  }
  CHECK(other.save() == kept);
}

TEST_CASE("a snapshot with a right checksum and hostile contents is refused or loaded within the bounds") {
  history it;
  run(it, 1, program(1, 50, 50), "gcc");
  run(it, 2, program(2, 50, 50));
  const auto good = it.save();
  std::mt19937 random(7);
  std::size_t refused = 0;
  for (int round = 0; round < 3000; ++round) {
    auto bad = good;
    for (auto flips = 1 + random() % 4; flips-- > 0;)
      bad[random() % (bad.size() - 8)] = static_cast<std::byte>(random());
    put_number(bad.data() + bad.size() - 8, checksum(std::span(bad).first(bad.size() - 8)));
    history victim;
    refused += !victim.load(bad);
    REQUIRE(victim.begin({1}, ""));
    victim.observe({1}, read_of({0, 1}));
    CHECK(victim.rank({1}, start));
    run(victim, 2, program(3, 50, 50));
  }
  CHECK(refused > 500);
  auto tomorrow = good;
  tomorrow[4] = std::byte{9};
  put_number(tomorrow.data() + tomorrow.size() - 8, checksum(std::span(tomorrow).first(tomorrow.size() - 8)));
  CHECK(it.load(tomorrow).error() == errc::unsupported);
}

TEST_CASE("a stored run reads back as it was, in a few bytes an extent") {
  std::mt19937_64 random(3);
  std::vector<touch> touches;
  std::uint32_t think = 0;
  for (std::uint64_t at = 0; at < 5000; ++at)
    touches.push_back(
        {{random() % 1000 * 10'000 + at, 1}, think += static_cast<std::uint32_t>(random() % 300)});
  const auto bytes = encode_run(touches);
  CHECK(bytes.size() < 7 * touches.size());
  CHECK(decode_run(bytes, 5000).value() == touches);
  CHECK(decode_run(bytes, 4999).error() == errc::corrupt);
  const std::vector<touch> twice{{{5, 2}, 0}, {{6, 1}, 0}};
  CHECK(decode_run(encode_run(twice), 100).error() == errc::corrupt);
}

TEST_CASE("like runs in one group stay as exact as one when others are forgotten") {
  history few({.runs_max = 2, .group_runs_max = 2});
  const auto reads = program(1, 100, 100);
  for (std::uint64_t id = 1; id <= 20; ++id)
    run(few, id, id % 3 == 0 ? program(2, 100, 100) : reads);
  run(few, 30, reads);
  run(few, 31, reads);
  history fresh;
  run(fresh, 1, reads);
  run(fresh, 2, reads);
  CHECK(few.save() == fresh.save());
  CHECK(few.figures().table_entries == fresh.figures().table_entries);
}

TEST_CASE("what a ranking promised is judged when it is read, or at the end of its run") {
  history it;
  const auto reads = program(1, 40, 40);
  run(it, 1, reads);
  CHECK(it.seen().count() == 0); // Nothing was known yet.
  REQUIRE(it.begin({2}, ""));
  REQUIRE(it.rank({2}, start));
  for (std::size_t at = 0; at < reads.size() / 2; ++at)
    it.observe({2}, read_of(reads[at]));
  const auto half = it.seen();
  CHECK(half.count() > 50);
  CHECK(half.used() == half.count());
  it.end({2});
  CHECK(it.seen().count() == blocks_of(reads).size());
  CHECK(it.seen().used() == half.used());
}

TEST_CASE("a run of another time, which nothing was promised for, judges nobody") {
  history it;
  const auto reads = program(1, 40, 40);
  run(it, 1, reads);
  run(it, 2, reads);
  CHECK(it.seen().count() == 0);
}
