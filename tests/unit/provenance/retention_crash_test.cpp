#include "runtime/sim/sim_disk.hpp"
#include "tests/unit/provenance/samples.hpp"

using namespace forerun;
using namespace forerun::provenance;

namespace {

struct history_of_run {
  std::vector<entry> appended;
  std::size_t durable = 0;
};

constexpr retention keep{.bytes_max = 6000};

/// Commits, anchors and drops in turn over several segments, until the first failure.
history_of_run run(disk& on, std::uint64_t rounds = 14) {
  history_of_run it;
  static manual_clock clock;
  auto log = provenance::log::open(on, clock, small_limits, &somebody());
  if (!log)
    return it;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    for (auto& one : fill(*log.value(), 60, i))
      it.appended.push_back(one);
    bool well = log.value()->commit(i % 2 == 0 ? durability::synced : durability::written).has_value();
    if (well && i % 3 == 0)
      well = log.value()->set_anchor().has_value();
    if (well && i % 3 == 1)
      well = log.value()->retain(keep).has_value();
    it.durable = log.value()->durable_records();
    if (!well)
      break;
  }
  return it;
}

std::uint64_t operations_of_run() {
  sim::sim_disk disk;
  run(disk);
  const auto report = verify(disk).value();
  REQUIRE(report.dropped.value().segments > 3);
  REQUIRE(report.anchors > 0);
  return disk.operations();
}

/// Nothing that was durable and kept is lost, and everybody sees a whole chain.
void check(disk& on, const history_of_run& before) {
  const auto unopened = verify(on, {}, {.key = somebody().key()}).value();
  REQUIRE_FALSE((unopened.first_fault && unopened.first_fault->what >= fault_kind::summary_invalid));
  auto log = opened(on, small_limits, &somebody());
  REQUIRE_FALSE(log->recovered().damage.has_value());
  REQUIRE_FALSE(log->recovered().witness.has_value());
  REQUIRE(log->records() >= before.durable);
  REQUIRE(log->records() <= before.appended.size());
  const auto report = log->verifier()().value();
  REQUIRE_FALSE(report.first_fault.has_value());
  const auto gone = report.dropped ? report.dropped->records : 0;
  REQUIRE(gone + report.records == log->records());
  const auto from = before.appended.begin();
  REQUIRE(read_all(*log) == std::vector(from + static_cast<std::ptrdiff_t>(gone),
                                        from + static_cast<std::ptrdiff_t>(log->records())));
  const auto first = segments_of(on).value();
  if (report.dropped && !first.empty())
    REQUIRE(first.front() == report.dropped->segments);

  // It goes on: anchors, drops, and opens again.
  fill(*log, 130, 99);
  REQUIRE(log->set_anchor().has_value());
  while (log->retain(keep).value())
    ;
  REQUIRE_FALSE(verify(on, {}, {.key = somebody().key()}).value().first_fault.has_value());
}

} // namespace

TEST_CASE("after a power cut in any operation a dropped segment is either still there or covered by the "
          "summary, and every anchor holds") {
  const auto operations = operations_of_run();
  for (std::uint64_t at = 0; at <= operations; ++at)
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      CAPTURE(at);
      CAPTURE(seed);
      sim::sim_disk before{seed};
      before.lose_power_at(at);
      const auto expected = run(before);
      check(*before.crash(seed), expected);
    }
}

TEST_CASE("a power cut while leftovers are removed after a power cut does no harm") {
  const auto operations = operations_of_run();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    sim::sim_disk first{seed};
    first.lose_power_at(operations / 2 + operations * seed / 42);
    const auto expected = run(first);
    for (std::uint64_t at = 0; at < 24; ++at) {
      CAPTURE(at);
      const auto second = first.crash(seed);
      second->lose_power_at(second->operations() + at);
      run(*second, 0);
      check(*second->crash(seed + 1), expected);
    }
  }
}

TEST_CASE("an operation that fails while segments are dropped or anchors are set is made good by the next") {
  const auto operations = operations_of_run();
  for (auto how : {errc::io_failed, errc::no_space})
    for (std::uint64_t at = 12; at < operations; ++at) {
      CAPTURE(at);
      sim::sim_disk disk{at};
      auto log = opened(disk, small_limits, &somebody());
      disk.fail_at(at, how);
      history_of_run expected;
      for (std::uint64_t i = 0; i < 14; ++i) {
        for (auto& one : fill(*log, 60, i))
          expected.appended.push_back(one);
        (void)log->commit(durability::written);
        if (i % 3 == 0)
          (void)log->set_anchor();
        if (i % 3 == 1)
          (void)log->retain(keep);
      }
      if (disk.operations() <= at)
        break; // Nothing has failed.
      REQUIRE(log->set_anchor().has_value());
      REQUIRE(log->retain(keep).has_value());
      REQUIRE_FALSE(log->verifier()().value().first_fault.has_value());
      expected.durable = log->durable_records();
      log.reset();
      check(*disk.crash(at), expected);
    }
}
