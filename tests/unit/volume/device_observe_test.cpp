#include "tests/unit/volume/stage.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::volume;
using namespace std::chrono_literals;
using nbd::verdict;

namespace {

/// A stage on which reads of block 0 are hits.
stage& hitting(stage& on) {
  on.in_memory(0);
  return on;
}

void hits(stage& on, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    on.hit(0, block_bytes);
}

} // namespace

TEST_CASE("an entry says what was touched, when, for how long and how") {
  stage on;
  hitting(on);
  on.device->set_run({9});
  on.time.advance(1s);
  const auto begun = on.read(100, 50);
  on.time.advance(30us);
  on.answered(begun.how);
  const auto data = filled(block_bytes, 3);
  on.answered(on.write(block_bytes, data).how);
  on.answered(on.start({.kind = nbd::command::trim, .offset = 2 * block_bytes, .length = block_bytes}).how);
  on.time.advance(1ms);
  CHECK_FALSE(on.end_turn());
  REQUIRE(on.back.batches.size() == 1);
  const auto& batch = *on.back.batches[0];
  CHECK(batch.volume == volume_id{5});
  CHECK(batch.image == image_id{7});
  CHECK(batch.run == run_id{9});
  REQUIRE(batch.entries.size() == 3);
  CHECK(batch.entries[0].op == operation::read);
  CHECK(batch.entries[0].where == extent{0, 1});
  CHECK(batch.entries[0].bytes == 50);
  CHECK(batch.entries[0].latency == 30us);
  CHECK(batch.entries[0].how == outcome::hit);
  CHECK(batch.entries[0].at.ns == batch.entries[0].arrived.time_since_epoch().count());
  CHECK(batch.entries[1].op == operation::write);
  CHECK(batch.entries[1].written != digest{});
  CHECK(batch.entries[2].op == operation::remove);
  CHECK(batch.entries[2].where == extent{2, 1});
}

TEST_CASE("flushes and hints leave no entry") {
  stage on;
  on.answered(on.start({.kind = nbd::command::flush}).how);
  on.answered(on.start({.kind = nbd::command::cache, .offset = 0, .length = 4096}).how);
  CHECK_FALSE(on.end_turn());
}

TEST_CASE("a batch is handed over when it is full") {
  stage on;
  hits(hitting(on), access_batch_max - 1);
  CHECK(on.back.batches.empty());
  hits(on, 1);
  REQUIRE(on.back.batches.size() == 1);
  CHECK(on.back.batches[0]->entries.size() == access_batch_max);
  CHECK_FALSE(on.end_turn());
}

TEST_CASE("a batch is handed over a millisecond after its first entry, and one of mere repetition after 64") {
  stage on;
  nanos age = 64ms;
  hits(hitting(on), 1);
  SUBCASE("repetition") {
  }
  SUBCASE("a write among them") {
    on.answered(on.write(0, filled(block_bytes, 3)).how);
    age = 1ms;
  }
  on.time.advance(age - 1us);
  CHECK(on.end_turn());
  CHECK(on.back.batches.empty());
  on.time.advance(1us);
  CHECK_FALSE(on.end_turn());
  CHECK(on.back.batches.size() == 1);
}

TEST_CASE("a client that leaves takes its entries along") {
  stage on;
  on.device->attached(stage::slot);
  on.device->welcome();
  CHECK(on.back.clients == 1);
  hits(hitting(on), 1);
  on.device->detached(stage::slot);
  CHECK(on.back.clients == 0);
  CHECK(on.back.batches.size() == 1);
}

TEST_CASE("the first client's requests wait until its run has begun, if that takes no longer than a second") {
  stage on;
  hitting(on);
  on.device->attached(stage::slot);
  CHECK(on.read(0, block_bytes).what == nbd::verdict::stalled);
  SUBCASE("it has") {
    on.device->welcome();
  }
  SUBCASE("nobody says so") {
    on.time.advance(welcome_wait_max - 1ns);
    CHECK(on.read(0, block_bytes).what == nbd::verdict::stalled);
    on.time.advance(1ns);
  }
  CHECK(on.read(0, block_bytes).what == nbd::verdict::done);
  on.device->attached(stage::slot);
  CHECK(on.read(0, block_bytes).what == nbd::verdict::done);
}

TEST_CASE("what was seen before a miss is handed over before it") {
  stage on;
  hits(hitting(on), 2);
  CHECK(on.read(block_bytes, block_bytes).what == verdict::pending);
  CHECK(on.back.batches.size() == 1);
}

TEST_CASE("a relaxed volume drops and counts what nobody works off, and goes on when somebody does") {
  stage on;
  hits(hitting(on), entries_open_max + 5);
  CHECK(on.back.batches.size() == entries_open_max / access_batch_max);
  CHECK(on.device->dropped() == 5);
  on.back.batches.clear();
  hits(on, access_batch_max);
  CHECK(on.back.batches.size() == 1);
  CHECK(on.device->dropped() == 5);
}

TEST_CASE("a strict volume stalls when nobody works off what was seen") {
  stage on{{.audit = audit_mode::strict}};
  hits(hitting(on), entries_open_max);
  CHECK(on.read(0, block_bytes).what == verdict::stalled);
  on.back.batches.pop_back();
  CHECK(on.read(0, block_bytes).what == verdict::done);
}

TEST_CASE("a strict volume records each request it took, also those that were open when room ran out") {
  stage on{{.audit = audit_mode::strict}};
  hitting(on);
  CHECK(on.read(block_bytes, block_bytes).what == verdict::pending);
  const auto waiting = on.asked;
  hits(on, entries_open_max);
  REQUIRE(on.read(0, block_bytes).what == verdict::stalled);
  on.device->answered(stage::slot, waiting, {.how = outcome::miss}, on.time.now());
  on.time.advance(1ms);
  on.end_turn();
  CHECK(on.device->dropped() == 0);
  REQUIRE(on.back.batches.size() == entries_open_max / access_batch_max + 1);
  CHECK(on.back.batches.back()->entries.at(0).how == outcome::miss);
}

TEST_CASE("a strict volume's flush is answered when what was written before it is recorded") {
  stage on{{.audit = audit_mode::strict}};
  hits(hitting(on), 1);
  on.answered(on.write(0, filled(block_bytes, 3)).how);
  REQUIRE(on.start({.kind = nbd::command::flush}).what == verdict::pending);
  on.back.work();
  CHECK(on.answers.all.empty());
  // What is written later is not waited for.
  on.answered(on.write(block_bytes, filled(block_bytes, 3)).how);
  REQUIRE(on.back.batches.size() == 1);
  on.back.batches.clear();
  REQUIRE(on.answers.all.size() == 1);
  CHECK(on.answers.all[0].how);
  on.answered({});
}

TEST_CASE("a strict volume's flush waits for what other threads have written") {
  stage on{{.audit = audit_mode::strict}};
  fake_gather out;
  const nbd::request write{.kind = nbd::command::write, .offset = 0, .length = block_bytes};
  const auto how = on.device->start({7}, write, filled(block_bytes, 3), out, {}).how;
  REQUIRE(on.start({.kind = nbd::command::flush}).what == verdict::pending);
  on.back.work();
  on.device->answered({7}, write, how, on.time.now());
  CHECK(on.answers.all.empty());
  on.time.advance(1ms);
  on.device->turn_ended({7}, on.time.now());
  CHECK(on.answers.all.empty());
  on.back.batches.clear();
  CHECK(on.answers.all.size() == 1);
}

TEST_CASE("a strict volume's flush does not wait for reads, nor a relaxed one's for anything") {
  SUBCASE("strict") {
    stage on{{.audit = audit_mode::strict}};
    hits(hitting(on), 1);
    (void)on.start({.kind = nbd::command::flush});
    on.back.work();
    CHECK(on.answers.all.size() == 1);
  }
  SUBCASE("relaxed") {
    stage on;
    on.answered(on.write(0, filled(block_bytes, 3)).how);
    (void)on.start({.kind = nbd::command::flush});
    on.back.work();
    CHECK(on.answers.all.size() == 1);
  }
}

TEST_CASE("a volume without audit observes nothing") {
  stage on{{.audit = audit_mode::off}};
  hits(hitting(on), access_batch_max);
  on.time.advance(1ms);
  CHECK_FALSE(on.end_turn());
  CHECK(on.back.batches.empty());
  CHECK(on.device->dropped() == 0);
}

TEST_CASE("think time runs from the last answer to the next read, and is zero while others are open") {
  stage on;
  hitting(on);
  on.hit(0, block_bytes);
  on.time.advance(3ms);
  const auto begun = on.read(0, block_bytes);
  const auto first = on.asked;
  on.time.advance(1ms);
  const auto other = on.read(0, block_bytes);
  on.answered(other.how);
  on.device->answered(stage::slot, first, begun.how, on.time.now());
  on.time.advance(2ms);
  on.hit(0, block_bytes);
  on.device->detached(stage::slot);
  std::vector<nanos> thought;
  for (const auto& batch : on.back.batches)
    for (const auto& entry : batch->entries)
      thought.push_back(entry.think);
  CHECK(thought == std::vector<nanos>{0ns, 0ns, 3ms, 2ms});
}
