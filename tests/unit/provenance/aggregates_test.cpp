#include "runtime/base/floor.hpp"
#include "runtime/provenance/aggregates.hpp"
#include "runtime/provenance/distinct.hpp"
#include "tests/unit/provenance/record_list.hpp"
#include "tests/unit/provenance/samples.hpp"
#include <cmath>
#include <map>
#include <set>

using namespace forerun;
using namespace forerun::provenance;

namespace {

/// Accesses of several programs, runs and spaces; their times step back now and then.
record_list some_records(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  record_list list;
  std::int64_t time = -3'600'000'000'000;
  for (std::size_t i = 0; i < count; ++i) {
    auto by = who(static_cast<int>(random() % 5));
    by.by.user = random() % 3 == 0 ? "bob" : "ann";
    const auto first = random() % (random() % 2 == 0 ? 10 : 1000);
    const auto op = random() % 4 == 0 ? operation::write : operation::read;
    list.add(by, op, {first, static_cast<std::uint32_t>(random() % 6)});
    auto& what = list.all.back().what;
    what.bytes = static_cast<std::uint32_t>(random() % 20'000);
    what.latency = std::chrono::microseconds{random() % 5000};
    time += static_cast<std::int64_t>(random() % 2'000'000'000) - (random() % 10 == 0 ? 1'500'000'000 : 0);
    what.at = {time};
  }
  return list;
}

using element_key = std::tuple<element_kind, std::uint32_t, std::uint64_t>;

std::uint64_t last_of(const record& it) {
  return it.where.first + std::max(it.where.count, 1u) - 1;
}

} // namespace

TEST_CASE("the elements that are used most, by records, bytes and time, are those that counting finds") {
  const auto list = some_records(5000, 1);
  for (const auto by : {measure::records, measure::bytes, measure::latency}) {
    filter wanted{.element_first = 3, .element_last = 500};
    wanted.program = "db";
    std::map<element_key, double> exact;
    for (const auto& [who, what] : list.all) {
      if (!wanted.wants(who) || !wanted.wants(what))
        continue;
      const auto amount = by == measure::records ? 1.0
                          : by == measure::bytes ? what.bytes / std::max(what.where.count, 1u)
                                                 : static_cast<double>(what.latency.count()) / 1000 /
                                                       std::max(what.where.count, 1u);
      for (auto i = std::max<std::uint64_t>(what.where.first, 3);
           i <= std::min<std::uint64_t>(last_of(what), 500); ++i)
        exact[{who.kind, who.space, i}] += amount;
    }
    const auto got = top(list, {.wanted = wanted, .by = by, .rows_max = 10'000}).value();
    CHECK(got.seen.complete());
    CHECK(got.others_max == 0);
    double total = 0;
    std::uint64_t told = 0;
    for (const auto& it : got.rows) {
      const auto truth = exact.at({it.of.kind, it.of.space, it.of.number});
      // Shares are whole: one more or less for each record.
      REQUIRE(std::abs(static_cast<double>(it.amount) - truth) <=
              (by == measure::records ? 0 : 100 + truth / 500));
      REQUIRE(it.over == 0);
      total += truth;
      told += it.amount;
    }
    CHECK(got.rows.size() == exact.size());
    CHECK(told == got.total);
    CHECK(std::is_sorted(got.rows.begin(), got.rows.end(),
                         [](const auto& a, const auto& b) { return a.amount > b.amount; }));
  }
}

TEST_CASE("bytes of a record are shared out among its elements, and none is lost") {
  record_list list;
  list.read(1, {10, 3});
  list.all.back().what.bytes = 8;
  auto got = top(list, {.by = measure::bytes}).value();
  CHECK(got.total == 8);
  REQUIRE(got.rows.size() == 3);
  CHECK(got.rows.back() == top_row{{element_kind::block, 1, 12}, 2, 0});
  got = top(list, {.wanted = {.element_first = 11}, .by = measure::bytes}).value();
  CHECK(got.total == 5);
}

TEST_CASE("with few counters the amounts say how far off they may be") {
  const auto list = some_records(20'000, 2);
  const auto exact = top(list, {.rows_max = 100'000}).value();
  std::map<element_key, std::uint64_t> truth;
  for (const auto& it : exact.rows)
    truth[{it.of.kind, it.of.space, it.of.number}] = it.amount;
  const auto got = top(list, {.rows_max = 100, .counters = 100}).value();
  CHECK(got.rows.size() >= 75);
  CHECK(got.total == exact.total);
  CHECK(got.others_max > 0);
  CHECK(got.others_max <= got.total / 75);
  for (const auto& it : got.rows) {
    const auto amount = truth.at({it.of.kind, it.of.space, it.of.number});
    CHECK(it.amount >= amount);
    CHECK(it.amount - it.over <= amount);
  }
  CHECK(top(list, {.counters = counters_min - 1}).error() == errc::invalid_argument);
  CHECK(top(list, {.counters = counters_max + 1}).error() == errc::invalid_argument);
}

TEST_CASE("of a very wide record the first elements count, and the answer says that some do not") {
  record_list list;
  list.read(1, {5, 0xffffffff});
  const auto got = top(list, {.rows_max = counters_max}).value();
  CHECK(got.total == record_elements_max);
  CHECK(got.rows.size() == record_elements_max);
  CHECK(got.seen.left_out == 1);
  CHECK_FALSE(got.seen.complete());
  const auto wanted = of_element(element_kind::block, 1, 1'000'000);
  CHECK(top(list, {.wanted = wanted}).value().seen.complete());
  const auto set = working_set(list, {}).value();
  CHECK(set.seen.left_out == 1);
  CHECK(set.elements < 70'000);
}

TEST_CASE("a question that counted as many elements as it may stops, and says where") {
  record_list list;
  for (std::uint64_t i = 0; i < counted_elements_max / record_elements_max + 5; ++i)
    list.read(1, {0, record_elements_max});
  const auto got = working_set(list, {}).value();
  CHECK_FALSE(got.seen.scanned.complete);
  CHECK(got.seen.scanned.matched == counted_elements_max / record_elements_max);
}

TEST_CASE("the time between accesses is counted for each program") {
  const auto list = some_records(5000, 3);
  struct group {
    std::vector<std::int64_t> gaps;
    std::uint64_t records = 0, backward = 0;
    std::int64_t last = 0;
  };
  std::map<std::string, group> exact;
  filter wanted;
  wanted.operations = bit_of(operation::read);
  for (const auto& [who, what] : list.all) {
    if (!wanted.wants(what))
      continue;
    auto& it = exact[who.by.program + "/" + who.by.user];
    if (it.records++ > 0) {
      if (what.at.ns < it.last)
        ++it.backward;
      else
        it.gaps.push_back(what.at.ns - it.last);
    }
    it.last = what.at.ns;
  }
  const auto got = arrivals(list, {.wanted = wanted, .by = {.by_user = true}}).value();
  CHECK(got.seen.complete());
  REQUIRE(got.rows.size() == 4);
  CHECK(got.rows.size() == exact.size());
  for (const auto& row : got.rows) {
    CHECK(row.who.vm.empty());
    auto& it = exact.at(row.who.program + "/" + row.who.user);
    std::sort(it.gaps.begin(), it.gaps.end());
    CHECK(row.records == it.records);
    CHECK(row.backward == it.backward);
    CHECK(row.backward > 0);
    REQUIRE(row.gaps.count == it.gaps.size());
    CHECK(row.gaps.min.count() == it.gaps.front());
    CHECK(row.gaps.max.count() == it.gaps.back());
    const auto median = it.gaps[it.gaps.size() / 2];
    CHECK(row.gaps.p50.count() >= median);
    CHECK(row.gaps.p50.count() <= median + median / 16);
  }
  CHECK(got.rows.front().records >= got.rows.back().records);
}

TEST_CASE("times that are further apart than a duration is long are the longest gap there is") {
  record_list list;
  list.read(1, {0, 1});
  list.read(1, {0, 1});
  list.all[0].what.at = {std::numeric_limits<std::int64_t>::min()};
  list.all[1].what.at = {std::numeric_limits<std::int64_t>::max()};
  CHECK(arrivals(list, {}).value().rows.at(0).gaps.max == nanos::max());
  const auto set = working_set(list, {.every = std::chrono::hours{7}}).value();
  CHECK(set.rows.at(0).from == list.all[0].what.at);
  CHECK(set.rows.size() == 2);
}

TEST_CASE("programs beyond the limit are left out, and so said") {
  record_list list;
  for (std::uint64_t run = 0; run < programs_max + 20; ++run)
    for (int i = 0; i < 3; ++i)
      list.read(run, {run, 1});
  const auto got = arrivals(list, {}).value();
  CHECK(got.rows.size() == programs_max);
  CHECK(got.seen.left_out == 60);
  CHECK_FALSE(got.seen.complete());
  CHECK(sequences(list, {}).value().seen.left_out == 60);
  CHECK(arrivals(list, {.by = {.by_vm = true, .by_program = false}}).value().rows.size() == 1);
}

TEST_CASE("sequences are counted within runs and spaces, however runs take turns") {
  const auto list = some_records(20'000, 4);
  for (const std::size_t length : {2u, 3u}) {
    using key = std::tuple<std::string, element_kind, std::uint32_t, std::vector<std::uint64_t>>;
    std::map<key, std::uint64_t> exact;
    absl::flat_hash_map<context, std::vector<std::uint64_t>> trails;
    std::uint64_t total = 0;
    for (const auto& [who, what] : list.all) {
      auto& trail = trails[who];
      trail.push_back(what.where.first);
      if (trail.size() < length)
        continue;
      ++exact[{who.by.program,
               who.kind,
               who.space,
               {trail.end() - static_cast<std::ptrdiff_t>(length), trail.end()}}];
      ++total;
    }
    const auto got = sequences(list, {.length = length, .rows_max = 1'000'000}).value();
    CHECK(got.seen.complete());
    CHECK(got.total == total);
    CHECK(got.rows.size() == exact.size());
    for (const auto& it : got.rows) {
      REQUIRE(it.over == 0);
      REQUIRE(exact.at({it.who.program, it.kind, it.space, it.elements}) == it.count);
    }
    const auto rough = sequences(list, {.length = length, .rows_max = 20, .counters = 500}).value();
    CHECK(rough.rows.size() == 20);
    CHECK(rough.others_max <= total / 375);
    for (const auto& it : rough.rows) {
      const auto truth = exact.at({it.who.program, it.kind, it.space, it.elements});
      CHECK(it.count >= truth);
      CHECK(it.count - it.over <= truth);
    }
  }
  CHECK(sequences(list, {.length = 1}).error() == errc::invalid_argument);
  CHECK(sequences(list, {.length = 4}).error() == errc::invalid_argument);
  CHECK(sequences(list, {.counters = counters_min - 1}).error() == errc::invalid_argument);
}

TEST_CASE("more runs at a time than can be followed are forgotten, the oldest first, and so said") {
  record_list list;
  auto by = who();
  for (std::uint64_t run = 0; run < 5000; ++run) {
    by.run = {run};
    list.add(by, operation::read, {1, 1});
    by.run = {9'999'999}; // Goes on all the time.
    list.add(by, operation::read, {2, 1});
  }
  const auto got = sequences(list, {}).value();
  CHECK(got.broken > 900);
  CHECK(got.broken < 5000);
  CHECK(got.total == 4999);
}

TEST_CASE("the working set of each interval is estimated within the error that is stated") {
  for (const std::uint64_t seed : {5, 6, 7}) {
    const auto list = some_records(30'000, seed);
    const nanos every = std::chrono::minutes{30};
    std::map<std::int64_t, std::set<element_key>> exact;
    std::map<std::int64_t, working_set_row> rows;
    std::set<element_key> all;
    for (const auto& [who, what] : list.all) {
      const auto number = floor_divided(what.at.ns, every.count());
      auto& row = rows[number];
      row.from = {number * every.count()};
      ++row.records;
      row.bytes += what.bytes;
      for (auto i = what.where.first; i <= last_of(what); ++i) {
        exact[number].insert({who.kind, who.space, i});
        all.insert({who.kind, who.space, i});
      }
    }
    const auto near = [](std::uint64_t got, std::size_t truth) {
      return std::abs(static_cast<double>(got) - static_cast<double>(truth)) <=
             4 * distinct_sketch::standard_error * static_cast<double>(truth) + 1;
    };
    const auto got = working_set(list, {.every = every}).value();
    CHECK(got.seen.complete());
    CHECK(near(got.elements, all.size()));
    REQUIRE(got.rows.size() == rows.size());
    REQUIRE(got.rows.size() > 10);
    CHECK(got.rows.front().from.ns < 0); // Before 1970, too.
    auto truth = rows.begin();
    for (auto it : got.rows) {
      CHECK(near(it.elements, exact[truth->first].size()));
      it.elements = 0;
      CHECK(it == truth->second);
      ++truth;
    }
  }
  CHECK(working_set(record_list{}, {.every = nanos{0}}).error() == errc::invalid_argument);
}

TEST_CASE("the same numbers in other spaces are other elements of a working set") {
  record_list list;
  auto by = who();
  for (std::uint32_t space = 0; space < 100; ++space) {
    by.space = space;
    by.kind = space % 2 == 0 ? element_kind::block : element_kind::key;
    list.add(by, operation::read, {0, 10});
  }
  const auto got = working_set(list, {}).value();
  CHECK(got.elements > 930);
  CHECK(got.elements < 1070);
}

TEST_CASE("intervals beyond the limit are left out, and so said") {
  record_list list; // A millisecond between two.
  for (std::uint64_t i = 0; i < intervals_max + 30; ++i)
    list.read(1, {i, 1});
  const auto got = working_set(list, {.every = std::chrono::milliseconds{1}}).value();
  CHECK(got.rows.size() == intervals_max);
  CHECK(got.seen.left_out == 30);
}

TEST_CASE(
    "a question that looked at as many records as it may stops behind a block, and can go on from there") {
  memory_disk disk;
  auto log = opened(disk);
  fill(*log, 1000);
  REQUIRE(log->commit(durability::written).has_value());
  std::uint64_t from = 0, records = 0;
  for (int parts = 0; from < 1000; ++parts) {
    REQUIRE(parts < 20);
    const auto got =
        working_set(log->view(), {.wanted = {.position_from = from, .examined_max = 100}}).value();
    for (const auto& it : got.rows)
      records += it.records;
    CHECK(got.seen.scanned.examined <= 150); // A block has 50.
    CHECK(got.seen.scanned.complete == (got.seen.scanned.next_position == 1000));
    from = got.seen.scanned.next_position;
  }
  CHECK(records == 1000);
}

TEST_CASE("a question that is not wanted any more ends, wherever its records are") {
  memory_disk disk;
  auto log = opened(disk);
  fill(*log, 1000);
  REQUIRE(log->commit(durability::written).has_value());
  fill(*log, 100, 2);
  for (const int blocks : {0, 1, 5, 21}) {
    auto view = log->view();
    auto left = blocks;
    view.give_up_unless([&left] { return left-- > 0; });
    CHECK(arrivals(view, {}).error() == errc::cancelled);
    left = blocks;
    CHECK(view.last({}, 10'000).error() == errc::cancelled);
    left = 0;
    CHECK(view.sum({}).error() == errc::cancelled);
  }
}
