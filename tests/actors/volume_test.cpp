#include "actors/node/supervisor.hpp"
#include "actors/predictor/predictor.hpp"
#include "actors/tier/tier.hpp"
#include "actors/vm/vm.hpp"
#include "actors/volume/volume.hpp"
#include "runtime/base/hash.hpp"
#include "tests/actors/stage.hpp"
#include "tests/unit/volume/stage.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::actors;
using namespace std::chrono_literals;

namespace {

// ---- vm

struct vms : actor_stage {
  vms()
      : log(listener({role::provenance, 0})), owner(listener({role::image, image.value})),
        models(listener({role::predictor, image.value})), memory(listener({role::tier, tier_memory})),
        local(listener({role::tier, tier_disk})) {}
  vm_actor with_image(image_id on) {
    return keep({role::vm, volume.value}, spawn_vm(system, {volume, "vm", "none", "user", {}}, on, others));
  }
  static volume::batch_ptr batch(run_id run = {}) {
    auto made = std::make_shared<access_batch>();
    made->volume = volume;
    made->run = run;
    made->image = image;
    forerun::access hit = read_of({3, 2}, {});
    hit.how = outcome::hit;
    hit.first_use_blocks = 1;
    forerun::access late = read_of({4, 2}, {});
    late.how = outcome::late;
    late.latency = 5ms;
    forerun::access write;
    write.op = operation::write;
    forerun::access failed = read_of({9, 1}, {});
    failed.how = outcome::failed;
    made->entries = {hit, late, write, failed};
    return made;
  }

  heard log, owner, models, memory, local;
};

// ---- volume

struct volumes : actor_stage {
  volumes()
      : identity(listener({role::vm, volume.value})), models(listener({role::predictor, image.value})),
        prefetcher(listener({role::prefetcher, 0})), who(spawn()) {}
  volume_actor spawn() { return keep({role::volume, volume.value}, spawn_volume(system, parts)); }
  /// The run that a read belongs to now.
  run_id run_of_a_read() {
    (void)ground.read(0, block_bytes);
    return ground.back.demands.back()->run;
  }
  std::size_t begun() const { return all<run_begun>(models).size(); }
  std::size_t ended() const { return all<run_ended>(models).size(); }

  forerun::volume::stage ground;
  volume_parts parts{ground.device, "boot", others, &ground.time};
  heard identity, models, prefetcher;
  volume_actor who;
};

// ---- supervisor

struct kept_alive {
  int made = 0;
  std::string error;
  std::uint32_t restarts = 0;
};

struct guard_state {
  static inline const char* name = "test.guard";
  std::unique_ptr<supervisor> over;
};

caf::behavior child(caf::event_based_actor* self) {
  return {[self](caf::ok_atom) { self->quit(caf::sec::runtime_error); }};
}

caf::behavior guard(caf::stateful_actor<guard_state>* self, std::shared_ptr<directory> others,
                    std::shared_ptr<kept_alive> seen) {
  self->state.over = std::make_unique<supervisor>(self, others);
  auto& over = *self->state.over;
  over.later = [self](place where, caf::timespan pause) { self->delayed_send(self, pause, where.id); };
  self->set_down_handler([self](const caf::down_msg& what) { self->state.over->down(what); });
  over.start({role::vm, 1}, "child", [self, seen]() -> caf::actor {
    ++seen->made;
    return self->system().spawn(child);
  });
  return {[self](std::uint32_t id) {
            self->state.over->restart({role::vm, id});
          },
          [self](caf::delete_atom) {
            self->state.over->stop({role::vm, 1});
          },
          [self, seen](caf::get_atom) {
            for (const auto& [where, what] : self->state.over->children()) {
              seen->error = what.last_error;
              seen->restarts = what.restarts;
            }
          }};
}

struct guarded : actor_stage {
  guarded() : who(keep({role::volume, 1}, system.spawn(guard, others, seen))) { scheduler.run(); }
  caf::actor at_place() const { return others->find<caf::actor>({role::vm, 1}); }
  void crash() { tell(at_place(), caf::ok_atom_v); }

  std::shared_ptr<kept_alive> seen = std::make_shared<kept_alive>();
  caf::actor who;
};

} // namespace

TEST_CASE("a vm passes on what was touched, with who it was") {
  vms on;
  const auto vm = on.with_image(on.image);
  on.tell(vm, observed{vms::batch()});
  on.tell(vm, run_begun{on.volume, {4}, "boot", false});
  on.tell(vm, observed{vms::batch({4})});
  const auto records = all<record_batch>(on.log);
  REQUIRE(records.size() == 3);
  CHECK(records[0].who->by.program == "none");
  CHECK(records[0].who->run == run_id{0});
  CHECK(records[0].entries->size() == 4);
  CHECK(records[2].who->by.vm == "vm");
  CHECK(records[2].who->by.user == "user");
  CHECK(records[2].who->by.program == "boot");
  CHECK(records[2].who->run == run_id{4});
  CHECK(records[2].who->space == on.volume.value);
  for (const auto& to : {on.owner, on.models, on.memory, on.local})
    CHECK(all<observed>(to).size() == 2);
}

TEST_CASE("a run that begins is recorded as the execution of its program") {
  vms on;
  on.tell(on.with_image(on.image), run_begun{on.volume, {4}, "boot", false});
  const auto run = last<record_batch>(on.log);
  CHECK(run.who->kind == element_kind::program);
  CHECK(run.who->space == on.volume.value);
  CHECK(run.who->run == run_id{4});
  REQUIRE(run.entries->size() == 1);
  CHECK(run.entries->at(0).op == operation::execute);
  CHECK(run.entries->at(0).where == extent{element_of("boot"), 1});
  CHECK(run.values == std::vector<std::string>{"boot"});
}

TEST_CASE("what a strict volume touched goes to the log as such") {
  vms on;
  const auto strict = spawn_vm(on.system, {on.volume, "vm", "none", "user", {}, true}, on.image, on.others);
  on.tell(strict, observed{vms::batch()});
  CHECK(last<record_batch>(on.log).strict);
  on.tell(on.with_image(on.image), observed{vms::batch()});
  CHECK_FALSE(last<record_batch>(on.log).strict);
}

TEST_CASE("of mere repetition only the log and the models hear") {
  vms on;
  auto repeated = std::make_shared<access_batch>();
  repeated->image = on.image;
  repeated->entries.push_back(read_of({3, 2}, {}));
  repeated->entries[0].how = outcome::hit;
  on.tell(on.with_image(on.image), observed{repeated});
  CHECK(on.log->size() == 1);
  CHECK(on.models->size() == 1);
  CHECK(on.owner->empty());
}

TEST_CASE(
    "while nothing is missed the models hear of what a run reads for the first time, and else only the log") {
  vms on;
  const auto vm = on.with_image(on.image);
  auto hits = [&](run_id run, std::uint64_t block) {
    auto batch = std::make_shared<access_batch>();
    batch->image = on.image;
    batch->run = run;
    auto hit = read_of({block, 1}, {});
    hit.how = outcome::hit;
    batch->entries.assign(rest_after_hits + 1, hit);
    on.log->clear();
    on.models->clear();
    on.tell(vm, observed{batch});
    CHECK(on.log->size() == 1);
    return !on.models->empty();
  };
  CHECK(hits({1}, 3));
  CHECK_FALSE(hits({1}, 3));
  CHECK(hits({1}, 4));
  CHECK_FALSE(hits({1}, 4));
  CHECK(hits({2}, 3));
  CHECK_FALSE(hits({2}, 3));
  on.tell(vm, observed{vms::batch()});
  CHECK(hits({2}, 3)); // Something was missed: the models watch closely again.
}

TEST_CASE("a vm without an image tells the log only") {
  vms on;
  on.tell(on.with_image({}), observed{vms::batch()});
  CHECK(on.log->size() == 1);
  CHECK(on.owner->empty());
  CHECK(on.memory->empty());
}

TEST_CASE("a vm counts what it saw") {
  vms on;
  const auto vm = on.with_image(on.image);
  on.tell(vm, observed{vms::batch()});
  const auto sum = on.ask<volume_figures>(vm, caf::get_atom_v).value();
  CHECK(sum.reads == 3);
  CHECK(sum.writes == 1);
  CHECK(sum.hits == 1);
  CHECK(sum.late == 1);
  CHECK(sum.misses == 0);
  CHECK(sum.failed == 1);
  CHECK(sum.first_use_blocks == 1);
  CHECK(sum.stalled == 5ms);
  CHECK(sum.distinct_blocks == 4);
  CHECK(on.ask<region_reads>(vm, regions{4, 3}).value().values == std::vector<std::uint64_t>{1, 2, 1});
}

TEST_CASE("a run lasts from the first client to the last") {
  volumes on;
  on.tell(on.who, attach_atom_v);
  REQUIRE(on.begun() == 1);
  const auto run = last<run_begun>(on.models);
  CHECK(run.program == "boot");
  CHECK_FALSE(run.announced);
  CHECK(last<run_begun>(on.identity).run == run.run);
  CHECK(on.run_of_a_read() == run.run);
  on.tell(on.who, attach_atom_v);
  on.tell(on.who, detach_atom_v);
  CHECK(on.begun() == 1);
  CHECK(on.ended() == 0);
  on.tell(on.who, detach_atom_v);
  REQUIRE(on.ended() == 1);
  CHECK(last<run_ended>(on.models).run == run.run);
  CHECK(last<run_ended>(on.prefetcher).run == run.run);
  CHECK(on.run_of_a_read() == run_id{0});
}

TEST_CASE("a client's first read belongs to the run that begins with it") {
  volumes on;
  on.ground.device->attached({0});
  CHECK(on.ground.read(0, block_bytes).what == nbd::verdict::stalled);
  SUBCASE("as its actor says") {
    on.tell(on.who, attach_atom_v);
  }
  SUBCASE("as the next actor says, if that one is gone") {
    on.spawn();
    on.scheduler.run();
  }
  REQUIRE(on.begun() == 1);
  CHECK(on.run_of_a_read() == last<run_begun>(on.models).run);
}

TEST_CASE("a client that comes to an announced run waits for nothing else") {
  volumes on;
  const auto run = on.ask<run_id>(on.who, begin_atom_v, std::string{"fsck"}).value();
  on.ground.device->attached({0});
  on.tell(on.who, attach_atom_v);
  CHECK(on.run_of_a_read() == run);
}

TEST_CASE("no two runs have one name, also when the clock stands still") {
  volumes on;
  on.tell(on.who, attach_atom_v);
  on.tell(on.who, detach_atom_v);
  on.tell(on.who, attach_atom_v);
  const auto runs = all<run_begun>(on.models);
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].run < runs[1].run);
}

TEST_CASE("an announced run lasts until it is ended, whoever comes and goes") {
  volumes on;
  const auto run = on.ask<run_id>(on.who, begin_atom_v, std::string{"fsck"}).value();
  CHECK(last<run_begun>(on.models).announced);
  CHECK(last<run_begun>(on.models).program == "fsck");
  on.tell(on.who, attach_atom_v);
  on.tell(on.who, detach_atom_v);
  CHECK(on.begun() == 1);
  CHECK(on.ended() == 0);
  CHECK(on.ask<run_id>(on.who, end_atom_v).value() == run);
  CHECK(on.ended() == 1);
  CHECK(on.ask<run_id>(on.who, end_atom_v).error() == errc::not_found);
  on.tell(on.who, attach_atom_v);
  CHECK(on.begun() == 2);
}

TEST_CASE("an actor that is made anew goes on with the run, and knows who came and went meanwhile") {
  volumes on;
  on.ground.device->attached({0});
  on.tell(on.who, attach_atom_v);
  const auto run = last<run_begun>(on.models).run;
  SUBCASE("the client is still there") {
    const auto next = on.spawn();
    CHECK(on.ended() == 0);
    CHECK(on.run_of_a_read() == run);
    on.ground.device->detached({0});
    on.tell(next, detach_atom_v);
  }
  SUBCASE("the client left while nobody listened") {
    on.ground.device->detached({0});
    on.spawn();
    on.scheduler.run();
  }
  REQUIRE(on.ended() == 1);
  CHECK(last<run_ended>(on.models).run == run);
  CHECK(on.begun() == 1);
}

TEST_CASE("to announce a run ends the one that goes on") {
  volumes on;
  on.tell(on.who, attach_atom_v);
  const auto first = last<run_begun>(on.models).run;
  const auto second = on.ask<run_id>(on.who, begin_atom_v, std::string{}).value();
  CHECK(last<run_ended>(on.models).run == first);
  CHECK(last<run_begun>(on.models).program == "boot");
  CHECK(on.run_of_a_read() == second);
}

TEST_CASE("whoever ends with an error is made anew, after a pause, in the same place") {
  guarded on;
  const auto first = on.at_place();
  on.crash();
  on.pass(99ms);
  CHECK(on.seen->made == 1);
  on.pass(1ms);
  CHECK(on.seen->made == 2);
  CHECK(on.at_place() != first);
  on.tell(on.who, caf::get_atom_v);
  CHECK(on.seen->restarts == 1);
  CHECK(on.seen->error.find("runtime_error") != std::string::npos);
}

TEST_CASE("the pause before a restart doubles up to a bound, and a calm minute makes it short again") {
  guarded on;
  for (const auto pause : {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5000ms, 5000ms}) {
    const auto made = on.seen->made;
    on.crash();
    on.pass(pause - 1ms);
    CHECK(on.seen->made == made);
    on.pass(1ms);
    CHECK(on.seen->made == made + 1);
  }
  on.pass(61s);
  on.crash();
  on.pass(100ms);
  CHECK(on.seen->made == 10);
}

TEST_CASE("whoever was stopped stays away") {
  guarded on;
  const auto child = on.at_place();
  on.tell(on.who, caf::delete_atom_v);
  on.pass(10s);
  CHECK(on.seen->made == 1);
  CHECK_FALSE(on.at_place());
}
