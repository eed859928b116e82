#include "runtime/provenance/subscription.hpp"
#include "runtime/sim/sim_disk.hpp"
#include "tests/unit/provenance/samples.hpp"

using namespace forerun;
using namespace forerun::provenance;

namespace {

std::optional<batch> pulled(subscription& from, const provenance::log& log,
                            std::size_t rows = batch_rows_max) {
  auto got = from.pull(log.view(), rows);
  REQUIRE(got.has_value());
  return std::move(got.value());
}

std::vector<entry> matches(const std::vector<entry>& all, const filter& wanted) {
  std::vector<entry> out;
  for (const auto& each : all)
    if (wanted.wants(each.who) && wanted.wants(each.what))
      out.push_back(each);
  return out;
}

/// Pulls until there is nothing more to see; at most `turns` times.
std::vector<entry> all_of(subscription& from, const provenance::log& log, std::size_t rows = batch_rows_max,
                          int turns = 10000) {
  std::vector<entry> out;
  for (; from.behind(log.records()) && turns > 0; --turns)
    if (auto got = pulled(from, log, rows)) {
      CHECK(got->rows.size() <= rows);
      CHECK(got->missed == 0);
      out.insert(out.end(), got->rows.begin(), got->rows.end());
    }
  CHECK(turns > 0);
  return out;
}

} // namespace

TEST_CASE("a subscriber gets what is there, then what comes, each record once") {
  memory_disk disk;
  const auto log = opened(disk);
  auto expected = fill(*log, 500);
  subscription from{{}, pace::all};
  auto got = all_of(from, *log, 7);
  for (std::uint64_t round = 2; round < 12; ++round) {
    for (auto& each : fill(*log, 40, round))
      expected.push_back(each);
    if (round % 3 == 0)
      REQUIRE(log->commit(durability::synced).has_value());
    for (auto& each : all_of(from, *log, 7))
      got.push_back(each);
  }
  CHECK(got == expected);
  CHECK_FALSE(from.behind(log->records()));
  CHECK(from.next_position() == log->records());
}

TEST_CASE("who begins anew at the position that a batch names misses nothing and gets nothing twice") {
  memory_disk disk;
  const auto log = opened(disk);
  const auto expected = fill(*log, 1000);
  REQUIRE(log->commit(durability::written).has_value());
  std::vector<entry> got;
  for (std::uint64_t next = 0; next < log->records();) {
    subscription from{{.position_from = next}, pace::all};
    const auto batch = pulled(from, *log, 33);
    REQUIRE(batch);
    CHECK(batch->next_position > next);
    next = batch->next_position;
    got.insert(got.end(), batch->rows.begin(), batch->rows.end());
  }
  CHECK(got == expected);
}

TEST_CASE("a filter leaves out rows, and its last position ends the subscription") {
  memory_disk disk;
  const auto log = opened(disk);
  const auto all = fill(*log, 1000);
  filter wanted{.position_from = 100, .position_to = 900};
  wanted.program = "db";
  wanted.operations = 1u << static_cast<unsigned>(operation::write);
  subscription from{wanted, pace::all};
  std::vector<entry> got;
  for (bool ended = false; !ended;) {
    const auto batch = pulled(from, *log, 10);
    if (!batch)
      continue;
    got.insert(got.end(), batch->rows.begin(), batch->rows.end());
    ended = batch->ended;
  }
  CHECK(got == matches(all, wanted));
  CHECK(from.next_position() == 900);
  CHECK_FALSE(from.behind(log->records()));
  CHECK(pulled(from, *log)->ended);
}

TEST_CASE("a filter without matches is told how far the search came") {
  memory_disk disk;
  const auto log = opened(disk);
  fill(*log, 1000);
  filter wanted;
  wanted.user = "nobody";
  subscription from{wanted, pace::all, {.examined_max = 100, .silence_max = 400}};
  int pulls = 0;
  for (; pulls < 100; ++pulls)
    if (const auto batch = pulled(from, *log)) {
      CHECK(batch->rows.empty());
      CHECK(batch->next_position == 400);
      break;
    }
  CHECK(pulls == 3);
}

TEST_CASE("segments that are gone are said as missed, and only their records") {
  memory_disk disk;
  const auto log = opened(disk);
  const auto expected = fill(*log, 1000);
  REQUIRE(log->commit(durability::synced).has_value());
  subscription from{{}, pace::all};
  REQUIRE(pulled(from, *log, 20)->rows.size() == 20);
  REQUIRE(disk.files.size() > 4);
  disk.files.erase(segment_name(0));
  disk.files.erase(segment_name(1));
  disk.files.erase(segment_name(3));
  std::uint64_t told = 20;
  std::uint64_t missed = 0;
  int gaps = 0;
  while (from.behind(log->records())) {
    const auto batch = pulled(from, *log, 64);
    REQUIRE(batch);
    missed += batch->missed;
    gaps += batch->missed > 0;
    told += batch->missed;
    for (const auto& row : batch->rows)
      CHECK(row == expected[told++]);
    CHECK(batch->next_position == told);
  }
  CHECK(told == 1000);
  CHECK(gaps == 2);
  CHECK(missed > 0);
}

TEST_CASE("damaged blocks are said as missed, also at the very end") {
  memory_disk disk;
  const auto log = opened(disk);
  const auto expected = fill(*log, 300);
  REQUIRE(log->commit(durability::synced).has_value());
  disk.files.rbegin()->second.back() ^= std::byte{1};
  disk.files.begin()->second.back() ^= std::byte{1};
  subscription from{{}, pace::all};
  std::uint64_t told = 0;
  std::uint64_t missed = 0;
  while (from.behind(log->records())) {
    const auto batch = pulled(from, *log);
    REQUIRE(batch);
    missed += batch->missed;
    told += batch->missed;
    for (const auto& row : batch->rows)
      CHECK(row == expected[told++]);
  }
  CHECK(told == 300);
  CHECK(missed > 0);
  CHECK(missed <= 100);
}

TEST_CASE("a disk that fails loses no row") {
  sim::sim_disk disk;
  const auto log = opened(disk);
  const auto expected = fill(*log, 1000);
  REQUIRE(log->commit(durability::synced).has_value());
  subscription from{{}, pace::all};
  std::vector<entry> got;
  for (int turns = 0; from.behind(log->records()) && turns < 1000; ++turns) {
    if (turns % 2 == 0)
      disk.fail_at(disk.operations() + 1 + static_cast<std::uint64_t>(turns) % 9, errc::io_failed);
    const auto batch = from.pull(log->view(), 90);
    if (batch && batch.value())
      for (const auto& row : batch.value()->rows)
        got.push_back(row);
  }
  CHECK(got == expected);
}

TEST_CASE("a slow live subscriber is told how many it missed, and goes on with the newest") {
  memory_disk disk;
  const auto log = opened(disk);
  const auto expected = fill(*log, 1000);
  subscription from{{}, pace::live, {.behind_max = 100}};
  const auto batch = pulled(from, *log);
  REQUIRE(batch);
  CHECK(batch->missed == 900);
  REQUIRE(batch->rows.size() == 100);
  CHECK(batch->rows.front() == expected[900]);
}

TEST_CASE(
    "in any order of appends, commits and pulls, all gets everything once, live all but what it is told") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    memory_disk disk;
    const auto log = opened(disk);
    std::vector<entry> expected;
    filter writes;
    writes.operations = 1u << static_cast<unsigned>(operation::write);
    subscription all{{}, pace::all, {.examined_max = 200}};
    subscription some{writes, pace::all, {.examined_max = 100, .silence_max = 150}};
    subscription live{{}, pace::live, {.behind_max = 70, .examined_max = 60}};
    std::vector<entry> got_all;
    std::vector<entry> got_some;
    std::uint64_t live_next = 0;
    std::uint64_t live_got = 0;
    std::uint64_t live_missed = 0;
    const auto hear = [&](subscription& from, std::vector<entry>& to) {
      if (const auto batch = pulled(from, *log, random() % 60 + 1)) {
        CHECK(batch->missed == 0);
        to.insert(to.end(), batch->rows.begin(), batch->rows.end());
      }
    };
    const auto hear_live = [&] {
      const auto batch = pulled(live, *log, random() % 60 + 1);
      if (!batch)
        return;
      live_missed += batch->missed;
      live_next += batch->missed;
      for (const auto& row : batch->rows)
        CHECK(row == expected[live_next++]);
      live_got += batch->rows.size();
      CHECK(batch->next_position == live_next);
    };
    for (int step = 0; step < 120; ++step)
      switch (random() % 8) {
      case 0:
      case 1:
        for (auto& each : fill(*log, random() % 90 + 1, random()))
          expected.push_back(each);
        break;
      case 2:
        REQUIRE(log->write().has_value());
        break;
      case 3:
        REQUIRE(log->commit(random() % 2 ? durability::synced : durability::written).has_value());
        break;
      case 4:
        hear_live();
        break;
      case 5:
        hear(some, got_some);
        break;
      default:
        hear(all, got_all);
      }
    while (live.behind(log->records()))
      hear_live();
    for (auto& each : all_of(all, *log))
      got_all.push_back(each);
    for (auto& each : all_of(some, *log))
      got_some.push_back(each);
    CHECK(got_all == expected);
    CHECK(got_some == matches(expected, writes));
    CHECK(live_got + live_missed == log->records());
  }
}
