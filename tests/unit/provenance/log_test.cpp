#include "tests/unit/provenance/samples.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::provenance;

TEST_CASE("what was appended reads back, whether pending, written or reopened") {
  memory_disk disk;
  auto log = opened(disk);
  CHECK(read_all(*log).empty());
  auto expected = fill(*log, 120);
  CHECK(read_all(*log) == expected);
  CHECK(disk.files.empty());
  CHECK(log->bytes().value() == 0);
  REQUIRE(log->write().has_value());
  CHECK(read_all(*log) == expected);
  REQUIRE(log->commit(durability::written).has_value());
  CHECK(log->durable_records() == 0);
  REQUIRE(log->commit(durability::synced).has_value());
  CHECK(log->durable_records() == 120);
  for (auto& it : fill(*log, 1000, 2))
    expected.push_back(it);
  CHECK(read_all(*log) == expected);
  REQUIRE(log->commit(durability::synced).has_value());
  std::uint64_t size = 0;
  for (const auto& [name, file] : disk.files)
    size += file.size();
  CHECK(log->bytes().value() == size);
  const auto head = log->head();
  log = opened(disk);
  CHECK(log->recovered().records == 1120);
  CHECK(log->recovered().segments > 3);
  CHECK(log->recovered().bytes_cut == 0);
  CHECK_FALSE(log->recovered().damage.has_value());
  CHECK(log->head() == head);
  CHECK(read_all(*log) == expected);
  for (auto& it : fill(*log, 100, 3))
    expected.push_back(it);
  CHECK(read_all(*log) == expected);
}

TEST_CASE("a check covers what was written when it was asked for, though the log goes on meanwhile") {
  memory_disk disk;
  auto log = opened(disk);
  CHECK(log->verifier()().value().records == 0);
  fill(*log, 1000);
  REQUIRE(log->commit(durability::written).has_value());
  const auto head = log->head();
  const auto check = log->verifier();
  fill(*log, 1000, 2);
  REQUIRE(log->commit(durability::synced).has_value());
  const auto report = check().value();
  CHECK_FALSE(report.first_fault.has_value());
  CHECK(report.records == 1000);
  CHECK(report.head == head);
  CHECK(log->verifier()().value().records == 2000);
}

TEST_CASE("a check that is not wanted any more ends before the next block") {
  memory_disk disk;
  auto log = opened(disk);
  fill(*log, 1000);
  REQUIRE(log->commit(durability::written).has_value());
  for (int last = 0; last < 20; ++last) {
    int asked = 0;
    CHECK(log->verifier({}, [&] { return asked++ < last; })().error() == errc::cancelled);
    CHECK(asked == last + 1);
  }
  CHECK(log->verifier({}, [] { return true; })().value().records == 1000);
}

TEST_CASE("an access batch is recorded with its volume and run") {
  memory_disk disk;
  auto log = opened(disk);
  REQUIRE(log->append(who().by, access_batch{.volume = {9}, .run = {5}, .entries = accesses(3)}).value() ==
          0);
  REQUIRE(log->append(who().by, access_batch{.volume = {9}, .run = {5}, .entries = accesses(3)}).value() ==
          3);
  const auto all = read_all(*log);
  REQUIRE(all.size() == 6);
  CHECK(all[0].who == context{.by = who().by, .run = {5}, .space = 9});
}

TEST_CASE("records stay in order when the clock steps back, and the block says that it did") {
  memory_disk disk;
  auto log = opened(disk);
  constexpr std::int64_t hour = 3'600'000'000'000;
  const std::vector<std::int64_t> hours{10, 11, 9, 9, 12, 3, 3};
  std::vector<std::int64_t> expected;
  for (std::size_t i = 0; i < hours.size(); ++i) {
    if (i == 5)
      log = opened(disk); // The step is seen over a restart as well.
    std::vector<forerun::access> some(20);
    for (std::size_t k = 0; k < some.size(); ++k) {
      some[k].at = {hours[i] * hour + static_cast<std::int64_t>(k)};
      expected.push_back(some[k].at.ns);
    }
    REQUIRE(log->append(who(), some).has_value());
    REQUIRE(log->commit(durability::synced).has_value());
  }
  const auto all = read_all(*log);
  REQUIRE(all.size() == expected.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].what.position == i);
    CHECK(all[i].what.at.ns == expected[i]);
  }
  CHECK(read_all(*log, {.from = {9 * hour}, .to = {9 * hour + 19}}).size() == 40);

  std::vector<bool> marked;
  const auto segments = segments_of(disk).value();
  for (const auto segment : segments) {
    auto reader = segment_reader::open(disk, segment);
    while (const auto block = reader.value().next().value())
      marked.push_back((block->header.flags & block_header::flag_clock_back) != 0);
  }
  CHECK(marked == std::vector<bool>{false, false, true, false, false, true, false});
  CHECK_FALSE(verify(disk).value().first_fault.has_value());
}

TEST_CASE("segments stay within their size") {
  memory_disk disk;
  auto log = opened(disk);
  fill(*log, 5000);
  REQUIRE(log->commit(durability::synced).has_value());
  CHECK(disk.files.size() > 10);
  for (const auto& [name, file] : disk.files)
    CHECK(file.size() <= small_limits.segment_bytes);
}

TEST_CASE("append refuses names and elements past their limits, and changes nothing") {
  memory_disk disk;
  auto log = opened(disk);
  auto by = who();
  by.by.user.assign(name_bytes_max + 1, 'x');
  CHECK(log->append(by, accesses(1)).error() == errc::invalid_argument);
  auto some = accesses(2);
  some[1].where.first = element_limit;
  CHECK(log->append(who(), some).error() == errc::invalid_argument);
  CHECK(log->records() == 0);
}

TEST_CASE("append refuses when too much is pending, and goes on after a write") {
  memory_disk disk;
  auto log = opened(disk, {.block_records = 50, .segment_bytes = 4000, .pending_bytes_max = 2000});
  std::size_t taken = 0;
  while (log->append(who(), accesses(50)).has_value())
    ++taken;
  CHECK(taken > 1);
  CHECK(log->append(who(), accesses(50)).error() == errc::overloaded);
  REQUIRE(log->write().has_value());
  CHECK(log->append(who(), accesses(50)).value() == taken * 50);
}

TEST_CASE("history gives the last accesses of a block, oldest first, also from memory") {
  memory_disk disk;
  auto log = opened(disk);
  auto touch = [&](std::uint64_t block, std::uint32_t count, std::uint32_t volume) {
    forerun::access it;
    it.where = {block, count};
    it.bytes = count * block_bytes;
    return log->append(who().by, {.volume = {volume}, .run = {1}, .entries = {it}}).value();
  };
  std::vector<std::uint64_t> positions;
  for (int i = 0; i < 300; ++i) {
    positions.push_back(touch(96, 8, 1)); // covers block 100
    touch(104, 8, 1);
    touch(100, 1, 2);
    fill(*log, 10, static_cast<std::uint64_t>(i));
    if (i % 20 == 0)
      REQUIRE(log->commit(durability::written).has_value());
  }
  for (std::size_t max : {0u, 1u, 7u, 100u, 5000u}) {
    CAPTURE(max);
    const auto found = log->view().last(of_element(element_kind::block, 1, 100), max).value();
    std::vector<std::uint64_t> expected;
    for (const auto& it : read_all(*log))
      if (it.who.space == 1 && it.what.where.contains(100))
        expected.push_back(it.what.position);
    CHECK(expected.size() >= positions.size());
    if (expected.size() > max)
      expected.erase(expected.begin(), expected.end() - static_cast<std::ptrdiff_t>(max));
    std::vector<std::uint64_t> got;
    for (const auto& it : found)
      got.push_back(it.what.position);
    CHECK(got == expected);
  }
}

TEST_CASE("a filter restricts by every field, and a scan can be taken up where it stopped") {
  memory_disk disk;
  auto log = opened(disk);
  const auto all = fill(*log, 1500);
  REQUIRE(log->commit(durability::written).has_value());
  const auto middle = all[700];
  auto expect = [&](const filter& wanted, auto matches) {
    std::vector<entry> expected;
    std::copy_if(all.begin(), all.end(), std::back_inserter(expected), matches);
    CHECK_FALSE(expected.empty());
    CHECK(expected.size() < all.size());
    CHECK(read_all(*log, wanted) == expected);
  };
  expect({.position_from = 700}, [&](const entry& it) { return it.what.position >= 700; });
  expect({.from = middle.what.at}, [&](const entry& it) { return it.what.at >= middle.what.at; });
  expect({.to = middle.what.at}, [&](const entry& it) { return it.what.at <= middle.what.at; });
  expect({.space = 1}, [&](const entry& it) { return it.who.space == 1; });
  expect({.run = middle.who.run}, [&](const entry& it) { return it.who.run == middle.who.run; });
  expect({.program = "db"}, [&](const entry& it) { return it.who.by.program == "db"; });
  expect({.operations = 1u << 1}, [&](const entry& it) { return it.what.op == operation::write; });
  expect({.element_first = 1000, .element_last = 90'000}, [&](const entry& it) {
    return it.what.where.first <= 90'000 && it.what.where.first + std::max(it.what.where.count, 1u) > 1000;
  });
  CHECK(read_all(*log, {.kind = static_cast<element_kind>(3)}).empty());
  CHECK(read_all(*log, {.vm = "beta"}).empty());
  CHECK(read_all(*log, {.user = "bob"}).empty());

  filter paged{.records_max = 64};
  std::vector<entry> got;
  for (bool complete = false; !complete;) {
    const auto page = log->view().scan(paged, [&](const context& by, const record& what) {
      got.push_back({by, what});
      return true;
    });
    CHECK(page.value().matched <= 64);
    complete = page.value().complete;
    paged.position_from = page.value().next_position;
  }
  CHECK(got == all);
}

TEST_CASE("a visitor can stop a scan") {
  memory_disk disk;
  auto log = opened(disk);
  fill(*log, 200);
  std::size_t seen = 0;
  const auto done = log->view().scan({}, [&](const context&, const record&) { return ++seen < 10; });
  CHECK(seen == 10);
  CHECK_FALSE(done.value().complete);
  CHECK(done.value().next_position == 10);
}
