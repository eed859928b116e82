#include "runtime/predict/history.hpp"
#include <algorithm>
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::predict;

namespace {

constexpr instant start{std::chrono::hours{1}};
constexpr run_id run{7};

forerun::access read_of(extent where) {
  forerun::access out;
  out.where = where;
  out.think = std::chrono::milliseconds{1};
  return out;
}

/// Ten files of 32 blocks, the later ones first.
foresight ten_files() {
  std::vector<prediction> said;
  for (std::uint64_t file = 10; file > 0; --file)
    said.push_back({.where = {file * 1000, 32}, .probability = 0.9f, .detail = 2});
  return foresight{said};
}

void play(history& it, run_id id, std::uint64_t from, std::string_view label) {
  REQUIRE(it.begin(id, label));
  for (std::uint64_t at = 0; at < 64; ++at)
    it.observe(id, read_of({from + at * 8, 8}));
  it.end(id);
}

std::uint64_t blocks_of(const forecast& what) {
  std::uint64_t blocks = 0;
  for (const auto& each : what.ranked)
    blocks += each.where.count;
  return blocks;
}

} // namespace

TEST_CASE("what only the image foresaw and nobody read counts as not true") {
  history it;
  it.foresee(ten_files());
  REQUIRE(it.begin(run, "new"));
  REQUIRE(it.rank(run, start));
  for (std::uint64_t file = 10; file > 4; --file)
    it.observe(run, read_of({file * 1000, 32}));
  it.end(run);
  CHECK(it.seen().count() == 320);
  CHECK(it.seen().used() == 192);
}

TEST_CASE("of an image that was looked into the first run is foreseen, in the order that was said") {
  history it;
  it.foresee(ten_files());
  REQUIRE(it.begin(run, "new"));
  const auto said = it.rank(run, start);
  REQUIRE(said);
  REQUIRE(said->ranked.size() == 10);
  CHECK(said->ranked.front().where == extent{10'000, 32});
  CHECK(said->ranked.back().where == extent{1000, 32});
  CHECK(said->switched); // Not every run of an image is its boot, so it is taken with care.
  for (const auto& each : said->ranked) {
    CHECK(each.by == expert::static_analysis);
    CHECK(each.detail == 2);
    CHECK(each.probability >= history_probability_min);
    CHECK(each.probability <= 0.9f);
  }
}

TEST_CASE("what is found while a run goes on is of use to it, without what it has read by then") {
  history it;
  REQUIRE(it.begin(run, ""));
  it.observe(run, read_of({10'000, 32}));
  (void)it.rank(run, start);
  it.foresee(ten_files());
  const auto said = it.rank(run, start);
  REQUIRE(said);
  CHECK(blocks_of(*said) == 9 * 32);
  CHECK(it.explains(run, {5000, 32}));
  CHECK_FALSE(it.explains(run, {500'000, 1}));
}

TEST_CASE("a run that reads what the image does not speak of is foreseen nothing") {
  history it;
  it.foresee(ten_files());
  REQUIRE(it.begin(run, ""));
  for (std::uint64_t at = 0; at < 8; ++at)
    it.observe(run, read_of({500'000 + at * 100, 1}));
  const auto said = it.rank(run, start);
  REQUIRE(said);
  CHECK(said->ranked.empty());
}

TEST_CASE("what a program read before outweighs what the image says of it") {
  history it;
  it.foresee(ten_files());
  play(it, {1}, 100'000, "known");
  REQUIRE(it.begin(run, "known"));
  const auto said = it.rank(run, start);
  REQUIRE(said);
  CHECK(blocks_of(*said) == 64 * 8);
  for (const auto& each : said->ranked)
    CHECK(each.by == expert::history);
}

TEST_CASE("a new program among known ones is foreseen once it reads what the image says") {
  history it;
  it.foresee(ten_files());
  play(it, {1}, 100'000, "one");
  play(it, {2}, 200'000, "two");
  REQUIRE(it.begin(run, "three"));
  const auto first = it.rank(run, start);
  REQUIRE(first);
  CHECK(first->ranked.empty());
  for (std::uint64_t file = 10; file > 6; --file)
    it.observe(run, read_of({file * 1000, 32}));
  const auto said = it.rank(run, start);
  REQUIRE(said);
  CHECK(blocks_of(*said) == 6 * 32);
  CHECK(said->ranked.front().by == expert::static_analysis);
}

TEST_CASE("what was learned may be replaced, and what the image says stays") {
  history learned;
  play(learned, {1}, 100'000, "one");
  history it;
  it.foresee(ten_files());
  REQUIRE(it.load(learned.save()));
  CHECK(it.figures().foreseen_blocks == 320);
  CHECK(it.figures().runs_stored == 1);
}

TEST_CASE("probabilities that are none and blocks named twice are left out of what is foreseen") {
  const prediction said[] = {{.where = {1, 2}, .probability = 0.5f},
                             {.where = {2, 2}, .probability = 0.9f},
                             {.where = {10, 1}, .probability = 0.0f},
                             {.where = {11, 1}, .probability = 7.0f}};
  const foresight it{said};
  CHECK(it.size() == 3);
  REQUIRE(it.find(2) != nullptr);
  CHECK(it.find(2)->probability == 0.5f);
  CHECK(it.find(3)->rank == 2);
  CHECK(it.find(10) == nullptr);
  CHECK(it.find(11) == nullptr);
  const prediction endless[] = {{.where = {0, 0xffffffff}, .probability = 0.5f}};
  CHECK(foresight{endless}.size() == foresight::blocks_max);
}
