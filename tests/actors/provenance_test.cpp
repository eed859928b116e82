#include "actors/provenance/provenance.hpp"
#include "runtime/store/blocking_pool.hpp"
#include "tests/actors/stage.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::actors;
using namespace std::chrono_literals;

namespace {

/// A log on a disk that fails when it is told to, and its actor.
struct logs : actor_stage {
  logs()
      : log(provenance::log::open(disk, time, {.block_records = 1, .pending_bytes_max = 1}).value()),
        who(keep({role::provenance, 0}, spawn_provenance(system, {.detached = false}, *log, workers))) {
    scheduler.run();
  }

  /// Says that a block was read; returns whether its ring has been given back.
  std::shared_ptr<bool> read(bool strict) {
    auto let_go = std::make_shared<bool>(false);
    record_batch what;
    what.who = std::make_shared<provenance::context>();
    what.entries = std::shared_ptr<const std::vector<forerun::access>>(
        new std::vector<forerun::access>{read_of({next_++, 1}, {})},
        [let_go](const std::vector<forerun::access>* done) {
          *let_go = true;
          delete done;
        });
    what.strict = strict;
    caf::anon_send(who, std::move(what));
    return let_go;
  }
  std::uint64_t dropped() { return ask<control::provenance_status>(who, caf::get_atom_v).value().dropped; }

  manual_clock time;
  store::blocking_pool workers{1, 16};
  std::unique_ptr<provenance::log> log;
  provenance_actor who;

private:
  std::uint64_t next_ = 0;
};

} // namespace

TEST_CASE("what a strict volume observed is let go of when it is on stable storage, which is at once") {
  logs on;
  const auto one = on.read(true);
  const auto two = on.read(true);
  on.scheduler.run();
  CHECK(*one);
  CHECK(*two);
  CHECK(on.log->durable_records() == 2);
}

TEST_CASE("what relaxed volumes observed is on stable storage a second later") {
  logs on;
  const auto seen = on.read(false);
  on.scheduler.run();
  CHECK(*seen);
  on.pass(999ms);
  CHECK(on.log->durable_records() == 0);
  on.pass(1ms);
  CHECK(on.log->durable_records() == 1);
}

TEST_CASE("strict records that come shortly after a sync go together with the next one") {
  logs on;
  on.read(true);
  on.scheduler.run();
  const auto one = on.read(true);
  const auto two = on.read(true);
  on.scheduler.run();
  CHECK_FALSE(*one);
  const auto before = on.disk.operations();
  on.pass(provenance_config{}.sync_pause);
  CHECK(*one);
  CHECK(*two);
  CHECK(on.disk.operations() - before == 1);
}

TEST_CASE("while the log cannot be written strict records wait in order, and relaxed ones are counted") {
  logs on;
  on.disk.set_space(0);
  std::vector<std::shared_ptr<bool>> strict;
  for (int i = 0; i < 5; ++i)
    strict.push_back(on.read(true));
  const auto relaxed = on.read(false);
  on.scheduler.run();
  on.pass(10s);
  for (const auto& each : strict)
    CHECK_FALSE(*each);
  CHECK(*relaxed);
  CHECK(on.dropped() == 1);

  on.disk.set_space(1u << 20);
  on.pass(1s);
  for (const auto& each : strict)
    CHECK(*each);
  CHECK(on.log->durable_records() == 5);
  CHECK(on.dropped() == 1);
  const auto kept = on.log->view().last({}, 10).value();
  REQUIRE(kept.size() == 5);
  for (std::uint64_t i = 0; i < kept.size(); ++i)
    CHECK(kept[i].what.where.first == i);
}

TEST_CASE("strict records are not let go of while the disk does not sync") {
  logs on;
  on.read(true);
  on.scheduler.run();
  on.pass(1s);
  const auto next = on.read(true);
  // The block is written; its sync fails.
  on.disk.fail_at(on.disk.operations() + 1, errc::io_failed);
  on.scheduler.run();
  CHECK_FALSE(*next);
  CHECK(on.log->durable_records() == 1);
  on.pass(provenance_config{}.retry_pause);
  CHECK(*next);
  CHECK(on.log->durable_records() == 2);
}

TEST_CASE("what a sender left out is counted") {
  logs on;
  record_batch what;
  what.who = std::make_shared<provenance::context>();
  what.entries = std::make_shared<std::vector<forerun::access>>(1, read_of({0, 1}, {}));
  what.values = {"name"};
  what.left_out = 7;
  on.tell(on.who, what);
  CHECK(on.dropped() == 7);
  CHECK(on.log->view().last({}, 1).value().at(0).what.value == "name");
}
