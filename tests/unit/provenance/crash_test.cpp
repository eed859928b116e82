#include "runtime/sim/sim_disk.hpp"
#include "tests/unit/provenance/samples.hpp"

using namespace forerun;
using namespace forerun::provenance;

namespace {

/// What a run of commits left: everything that was appended, and how much of it was acknowledged as durable.
struct history_of_run {
  std::vector<entry> appended;
  std::size_t durable = 0;
};

/// Small commits, every third of them synced, over several segments, until the first that fails.
history_of_run run(disk& on) {
  history_of_run it;
  static manual_clock clock;
  auto log = provenance::log::open(on, clock, small_limits);
  if (!log)
    return it;
  for (std::uint64_t i = 0; i < 18; ++i) {
    for (auto& one : fill(*log.value(), 45, i))
      it.appended.push_back(one);
    const auto how = i % 3 == 2 ? durability::synced : durability::written;
    const auto done = log.value()->commit(how);
    it.durable = log.value()->durable_records();
    if (!done)
      break;
    if (how == durability::synced)
      CHECK(it.durable == log.value()->records());
  }
  return it;
}

std::uint64_t operations_of_run() {
  sim::sim_disk disk;
  run(disk);
  return disk.operations();
}

/// What a log that is opened after a crash must be: undamaged, chained, and a beginning of what was appended
/// that ends behind what was durable.
void check_survived(disk& on, const history_of_run& before) {
  const auto log = opened(on);
  REQUIRE_FALSE(log->recovered().damage.has_value());
  REQUIRE_FALSE(verify(on).value().first_fault.has_value());
  REQUIRE(log->records() >= before.durable);
  REQUIRE(log->records() <= before.appended.size());
  REQUIRE(read_all(*log) ==
          std::vector<entry>(before.appended.begin(),
                             before.appended.begin() + static_cast<std::ptrdiff_t>(log->records())));
}

} // namespace

TEST_CASE("a power cut in any operation loses nothing that was durable, and the unfinished tail is cut") {
  std::uint64_t cut = 0;
  const auto operations = operations_of_run();
  REQUIRE(operations > 50);
  for (std::uint64_t at = 0; at <= operations; ++at)
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      CAPTURE(at);
      CAPTURE(seed);
      sim::sim_disk before{seed};
      before.lose_power_at(at);
      auto expected = run(before);
      const auto disk = before.crash(seed);
      auto log = opened(*disk);
      REQUIRE_FALSE(log->recovered().damage.has_value());
      REQUIRE(log->records() >= expected.durable);
      REQUIRE(log->records() <= expected.appended.size());
      cut += log->recovered().bytes_cut;
      expected.appended.resize(log->records());
      REQUIRE(read_all(*log) == expected.appended);

      // The log goes on, and survives the next crash.
      for (auto& one : fill(*log, 130, 99))
        expected.appended.push_back(one);
      REQUIRE(log->commit(durability::synced).has_value());
      const auto again = disk->crash(seed + 1);
      REQUIRE_FALSE(verify(*again).value().first_fault.has_value());
      REQUIRE(read_all(*opened(*again)) == expected.appended);
    }
  CHECK(cut > 0);
}

TEST_CASE("a power cut while the log is opened after a power cut loses nothing either") {
  const auto operations = operations_of_run();
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    sim::sim_disk first{seed};
    first.lose_power_at(operations * seed / 61);
    auto expected = run(first);
    for (std::uint64_t at = 0; at < 20; ++at) {
      CAPTURE(at);
      const auto second = first.crash(seed);
      second->lose_power_at(second->operations() + at);
      run(*second);
      const auto third = second->crash(seed + 1);
      auto log = opened(*third);
      REQUIRE_FALSE(log->recovered().damage.has_value());
      REQUIRE(log->records() >= expected.durable);
      const auto all = read_all(*log);
      for (std::size_t i = 0; i < expected.durable; ++i)
        REQUIRE(all[i] == expected.appended[i]);
    }
  }
}

TEST_CASE("an operation that fails is repeated by the next commit; nothing is lost, doubled or only thought "
          "durable") {
  const auto operations = operations_of_run();
  for (auto how : {errc::io_failed, errc::no_space})
    for (std::uint64_t at = 4; at < operations; ++at) {
      CAPTURE(at);
      sim::sim_disk disk{at};
      auto log = opened(disk);
      disk.fail_at(at, how);
      std::vector<entry> expected;
      std::size_t failures = 0;
      for (std::uint64_t i = 0; i < 18; ++i) {
        for (auto& one : fill(*log, 45, i))
          expected.push_back(one);
        const auto done = log->commit(i % 3 == 2 ? durability::synced : durability::written);
        failures += !done;
      }
      CHECK(failures <= 1);
      REQUIRE(log->commit(durability::synced).has_value());
      REQUIRE(read_all(*log) == expected);
      REQUIRE_FALSE(log->verifier()().value().first_fault.has_value());
      // A failed sync had let written pages go; they were written again before the next one.
      const auto after = disk.crash(at);
      REQUIRE(read_all(*opened(*after)) == expected);
    }
}

TEST_CASE("a power cut after operations that failed, in part done, loses nothing that was durable") {
  const auto operations = operations_of_run();
  for (auto how : {errc::io_failed, errc::no_space})
    for (std::uint64_t at = 0; at < operations; ++at)
      for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        CAPTURE(at);
        CAPTURE(seed);
        sim::sim_disk disk{seed};
        disk.fail_at(at, how);
        disk.fail_at(at + seed, how); // What is done again may fail again.
        history_of_run it;
        static manual_clock clock;
        auto log = provenance::log::open(disk, clock, small_limits);
        for (int again = 0; again < 2 && !log; ++again)
          log = provenance::log::open(disk, clock, small_limits);
        REQUIRE(log.has_value());
        for (std::uint64_t i = 0; i < 18; ++i) {
          for (auto& one : fill(*log.value(), 45, i))
            it.appended.push_back(one);
          (void)log.value()->commit(i % 3 == 2 ? durability::synced : durability::written);
        }
        it.durable = log.value()->durable_records();
        check_survived(*disk.crash(seed), it);
      }
}

TEST_CASE("an operation that fails while the log is opened takes nothing that was durable") {
  const auto operations = operations_of_run();
  std::size_t refused = 0;
  for (auto how : {errc::io_failed, errc::no_space})
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      sim::sim_disk first{seed};
      first.lose_power_at(operations * seed / 61);
      const auto expected = run(first);
      for (std::uint64_t at = 0; at < 16; ++at) {
        CAPTURE(seed);
        CAPTURE(at);
        const auto second = first.crash(seed);
        second->fail_at(at, how);
        static manual_clock clock;
        refused += !provenance::log::open(*second, clock, small_limits);
        if (second->operations() <= at)
          break; // It was open before that operation.
        check_survived(*second->crash(seed + 1), expected);
        check_survived(*second, expected);
      }
    }
  CHECK(refused > 100);
}

TEST_CASE("a read that fails while a long segment is opened is not taken for damage, and nothing is cut") {
  sim::sim_disk whole;
  constexpr std::size_t records = 60'000;
  {
    const auto log = opened(whole, {});
    fill(*log, records);
    REQUIRE(log->commit(durability::synced).has_value());
  }
  std::size_t refusals = 0;
  for (std::uint64_t at = 0;; ++at) {
    CAPTURE(at);
    const auto disk = whole.crash(1);
    disk->fail_at(at, errc::io_failed);
    static manual_clock clock;
    refusals += !provenance::log::open(*disk, clock); // The last reads are for the index, and may fail.
    if (disk->operations() <= at)
      break;
    const auto log = opened(*disk, {});
    CHECK(log->recovered().bytes_cut == 0);
    CHECK_FALSE(log->recovered().damage.has_value());
    CHECK(log->records() == records);
  }
  CHECK(refusals > 8); // It was read in several pieces.
}

TEST_CASE("questions after a failed operation see all that was appended, and take nothing of it") {
  const auto operations = operations_of_run();
  for (std::uint64_t at = 4; at < operations; ++at) {
    CAPTURE(at);
    sim::sim_disk disk{at};
    auto log = opened(disk);
    disk.fail_at(at, errc::io_failed);
    std::vector<entry> expected;
    bool failed = false;
    for (std::uint64_t i = 0; i < 18 && !failed; ++i) {
      for (auto& one : fill(*log, 45, i))
        expected.push_back(one);
      failed = !log->commit(i % 3 == 2 ? durability::synced : durability::written);
    }
    CHECK(log->bytes().has_value());
    CHECK_FALSE(log->verifier()().value().first_fault.has_value());
    REQUIRE(read_all(*log) == expected);
    REQUIRE(log->commit(durability::synced).has_value());
    REQUIRE(read_all(*opened(*disk.crash(at))) == expected);
  }
}

TEST_CASE("a full disk is said, what was appended stays readable, and room lets the log go on") {
  sim::sim_disk disk;
  disk.set_space(10'000);
  auto log = opened(disk);
  std::vector<entry> expected;
  std::optional<errc> failure;
  for (std::uint64_t i = 0; i < 40 && !failure; ++i) {
    for (auto& one : fill(*log, 45, i))
      expected.push_back(one);
    if (const auto done = log->commit(durability::synced); !done)
      failure = done.error();
  }
  CHECK(failure == errc::no_space);
  CHECK(read_all(*log) == expected);
  const auto durable = log->durable_records();
  CHECK(durable > 0);
  const auto crashed = disk.crash(3);
  CHECK(opened(*crashed)->records() >= durable);
  disk.set_space(100'000);
  REQUIRE(log->commit(durability::synced).has_value());
  CHECK(log->durable_records() == expected.size());
  CHECK(read_all(*log) == expected);
}
