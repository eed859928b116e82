#include "actors/node/supervisor.hpp"
#include "actors/predictor/predictor.hpp"
#include "actors/prefetcher/prefetcher.hpp"
#include "actors/tier/tier.hpp"
#include "actors/vm/vm.hpp"
#include "actors/volume/volume.hpp"
#include "tests/actors/stage.hpp"
#include "tests/unit/volume/stage.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::actors;
using namespace std::chrono_literals;

namespace {

// ---- tier

/// Takes note of what is dropped; all of it unread, or none.
class noted_store final : public tier_store {
public:
  std::vector<cache::cache_key> drop(std::span<const cache::cache_key> keys) override {
    dropped.insert(dropped.end(), keys.begin(), keys.end());
    return unread ? std::vector<cache::cache_key>(keys.begin(), keys.end()) : std::vector<cache::cache_key>{};
  }
  std::vector<cache::cache_key> dropped;
  bool unread = true;
};

struct tiers : actor_stage {
  tiers()
      : owner(listener({role::image, image.value})), models(listener({role::predictor, image.value})),
        who(keep({role::tier, tier_memory}, spawn_tier(system, {.blocks_max = 4}, store, others))) {}

  std::shared_ptr<noted_store> store = std::make_shared<noted_store>();
  heard owner;
  heard models;
  tier_actor who;
};

// ---- models

forerun::access read_of(extent where, instant when) {
  forerun::access entry;
  entry.where = where;
  entry.bytes = static_cast<std::uint32_t>(where.bytes());
  entry.arrived = when;
  entry.how = outcome::miss;
  return entry;
}

class kept_models final : public model_store {
public:
  std::vector<std::byte> load(image_id) override { return kept; }
  void save(image_id, std::vector<std::byte> model) override { kept = std::move(model); }
  std::vector<std::byte> kept;
};

struct models : image_stage {
  models() : image_stage(8192 * block_bytes), prefetcher(listener({role::prefetcher, 0})) { begin(); }
  void begin() {
    who =
        keep({role::predictor, image.value},
             spawn_predictor(
                 system,
                 {.image = image, .models = store, .images = planes, .others = others, .workers = &workers}));
    scheduler.run();
  }
  /// A run that reads four far places.
  void run(run_id id) {
    tell(who, run_begun{volume, id, "boot", false});
    for (const std::uint64_t block : {0, 1000, 3000, 5000})
      miss(id, {block, 4});
    tell(who, run_ended{image, id});
    finish_work();
  }
  void miss(run_id id, extent where) {
    pass(1ms);
    tell(who, missed{image, id, read_of(where, now())});
  }
  /// What the last forecast names.
  std::vector<std::uint64_t> foreseen() const {
    std::vector<std::uint64_t> blocks;
    for (const auto& each : last<forecast_made>(prefetcher).what->ranked)
      for (auto block = each.where.first; block < each.where.end(); ++block)
        blocks.push_back(block);
    return blocks;
  }
  std::size_t forecasts() const { return all<forecast_made>(prefetcher).size(); }

  std::shared_ptr<kept_models> store = std::make_shared<kept_models>();
  heard prefetcher;
  predictor_actor who;
};

// ---- prefetcher

struct plans : image_stage {
  explicit plans(bool enabled = true)
      : image_stage(4096 * block_bytes), owner(listener({role::image, image.value})) {
    prefetcher_config settings{.enabled = enabled, .limits = {}};
    settings.limits.window_bytes_start = settings.limits.window_bytes_min = settings.limits.window_bytes_max =
        128u << 10;
    who = keep({role::prefetcher, 0}, spawn_prefetcher(system, settings, planes, others));
    scheduler.run();
  }
  void foresee(extent where) {
    auto next = std::make_shared<forecast>();
    next->run = {1};
    next->ranked.push_back({where, 0.95f, now(), expert::history, 0});
    tell(who, forecast_made{image, next});
  }
  std::vector<extent> planned() const {
    std::vector<extent> where;
    for (const auto& batch : all<plan_batch>(owner))
      for (const auto& each : batch.plans)
        where.push_back(each.where);
    return where;
  }
  prefetch::scheduler_figures figures() {
    const auto rows = ask<std::vector<prefetch_figures>>(who, caf::get_atom_v).value();
    return rows.empty() ? prefetch::scheduler_figures{} : rows[0].figures;
  }

  heard owner;
  prefetcher_actor who;
};

// ---- vm

struct vms : actor_stage {
  vms()
      : log(listener({role::provenance, 0})), owner(listener({role::image, image.value})),
        models(listener({role::predictor, image.value})), memory(listener({role::tier, tier_memory})),
        local(listener({role::tier, tier_disk})) {}
  vm_actor with_image(image_id on) {
    return keep({role::vm, volume.value}, spawn_vm(system, {volume, "vm", "none", "user", {}}, on, others));
  }
  static volume::batch_ptr batch() {
    auto made = std::make_shared<access_batch>();
    made->volume = volume;
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
        prefetcher(listener({role::prefetcher, 0})),
        who(keep({role::volume, volume.value},
                 spawn_volume(system, {ground.device, "boot", others, &ground.time}))) {}
  /// The run that a read belongs to now.
  run_id run_of_a_read() {
    (void)ground.read(0, block_bytes);
    return ground.back.demands.back()->run;
  }
  std::size_t begun() const { return all<run_begun>(models).size(); }
  std::size_t ended() const { return all<run_ended>(models).size(); }

  forerun::volume::stage ground;
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

TEST_CASE("a tier holds no more than its bound, and reports prefetched blocks that nobody read") {
  tiers on;
  on.tell(on.who, admitted{on.image, {0, 4}, true});
  CHECK(on.store->dropped.empty());
  on.tell(on.who, admitted{on.image, {10, 3}, false});
  CHECK(on.store->dropped.size() == 3);
  std::vector<std::uint64_t> told;
  for (const auto& each : all<evicted>(on.owner))
    told.insert(told.end(), each.blocks.begin(), each.blocks.end());
  std::vector<std::uint64_t> dropped;
  for (const auto key : on.store->dropped)
    dropped.push_back(key.block());
  std::ranges::sort(told);
  std::ranges::sort(dropped);
  CHECK(told == dropped);
  CHECK(all<evicted>(on.models).size() == all<evicted>(on.owner).size());
}

TEST_CASE("a tier says nothing of blocks that were read before they went") {
  tiers on;
  on.store->unread = false;
  on.tell(on.who, admitted{on.image, {0, 8}, false});
  CHECK(on.store->dropped.size() == 4);
  CHECK(on.owner->empty());
}

TEST_CASE("a tier can be emptied, and says how much went") {
  tiers on;
  on.tell(on.who, admitted{on.image, {0, 3}, true});
  CHECK(on.ask<std::uint64_t>(on.who, drop_atom_v).value() == 3);
  CHECK(on.store->dropped.size() == 3);
  CHECK(on.ask<std::uint64_t>(on.who, drop_atom_v).value() == 0);
}

TEST_CASE("nothing is foreseen for a program that never ran") {
  models on;
  on.tell(on.who, run_begun{on.volume, {1}, "boot", true});
  on.miss({1}, {0, 4});
  on.miss({1}, {1000, 4});
  for (const auto& each : all<forecast_made>(on.prefetcher))
    CHECK(each.what->ranked.empty());
}

TEST_CASE("nothing is foreseen before a run's first read, and then what the run before read") {
  models on;
  on.run({1});
  const auto before = on.forecasts();
  on.pass(1s);
  on.tell(on.who, run_begun{on.volume, {2}, "boot", false});
  on.pass(10s);
  CHECK(on.forecasts() == before);
  on.miss({2}, {0, 4});
  REQUIRE(on.forecasts() > before);
  const auto blocks = on.foreseen();
  for (const std::uint64_t block : {1000, 3003, 5001})
    CHECK(std::ranges::find(blocks, block) != blocks.end());
  CHECK(std::ranges::find(blocks, 2000u) == blocks.end());
}

TEST_CASE("a run that was announced is foreseen before its first read") {
  models on;
  on.run({1});
  const auto before = on.forecasts();
  on.tell(on.who, run_begun{on.volume, {2}, "boot", true});
  REQUIRE(on.forecasts() == before + 1);
  CHECK(on.foreseen().size() == 16);
}

TEST_CASE("what was learned is kept, and a new predictor goes on with it") {
  models on;
  on.run({1});
  REQUIRE_FALSE(on.store->kept.empty());
  caf::anon_send_exit(on.who, caf::exit_reason::kill);
  on.scheduler.run();
  on.begin();
  on.tell(on.who, run_begun{on.volume, {2}, "boot", true});
  CHECK(on.foreseen().size() == 16);
  CHECK(on.ask<predictor_figures>(on.who, caf::get_atom_v).value().history.runs_stored == 1);
}

TEST_CASE("a model that is damaged is learned anew") {
  models on;
  on.run({1});
  on.store->kept.resize(5);
  caf::anon_send_exit(on.who, caf::exit_reason::kill);
  on.scheduler.run();
  on.begin();
  on.run({2});
  CHECK(on.ask<predictor_figures>(on.who, caf::get_atom_v).value().history.runs_stored == 1);
}

TEST_CASE("a forecast becomes plans as far as the window goes, and the rest as they are done") {
  plans on;
  on.foresee({0, 96});
  CHECK(on.planned() == std::vector<extent>{{0, 32}});
  on.pass(10ms);
  CHECK(on.planned().size() == 1);
  for (std::uint32_t slot = 0; slot < 32; ++slot)
    (void)on.plane->map.publish(slot, slot);
  on.tell(on.who, plan_done{on.image, {0, 32}, 32 * block_bytes, on.now() - 10ms});
  CHECK(on.planned() == std::vector<extent>{{0, 32}, {32, 32}});
  CHECK(on.figures().plans == 1);
}

TEST_CASE("nothing is planned for an image that is not open") {
  plans on;
  on.planes->remove(on.image);
  on.foresee({0, 32});
  CHECK(on.planned().empty());
  CHECK(on.figures().plans == 0);
}

TEST_CASE("what is local or on its way is not planned") {
  plans on;
  for (std::uint64_t block = 0; block < 8; ++block)
    on.plane->map.mark_in_flight(block, true);
  on.foresee({0, 16});
  CHECK(on.planned() == std::vector<extent>{{8, 8}});
}

TEST_CASE("a prefetcher that is turned off plans nothing") {
  plans on{false};
  on.foresee({0, 32});
  on.pass(10ms);
  CHECK(on.planned().empty());
}

TEST_CASE("plans that find no image actor are not in flight") {
  plans on;
  on.others->remove({role::image, on.image.value});
  on.foresee({0, 32});
  CHECK(on.figures().in_flight_bytes == 0);
}

TEST_CASE("an image actor that starts again has nothing in flight") {
  plans on;
  on.foresee({0, 64});
  on.tell(on.who, demand_sent{on.image, 4096});
  on.tell(on.who, fetches_forgotten{on.image});
  // What it has room for now is planned at once.
  CHECK(on.figures().in_flight_bytes == 32 * block_bytes);
}

TEST_CASE("the forecast of a run that ended is carried out no further") {
  plans on;
  on.foresee({0, 64});
  on.tell(on.who, run_ended{on.image, {1}});
  on.tell(on.who, plan_done{on.image, {0, 32}, 32 * block_bytes, on.now()});
  CHECK(on.planned().size() == 1);
}

TEST_CASE("a vm passes on what was touched, with who it was") {
  vms on;
  const auto vm = on.with_image(on.image);
  on.tell(vm, observed{vms::batch()});
  on.tell(vm, run_begun{on.volume, {4}, "boot", false});
  on.tell(vm, observed{vms::batch()});
  const auto records = all<record_batch>(on.log);
  REQUIRE(records.size() == 2);
  CHECK(records[0].who->program == "none");
  CHECK(records[0].who->run == run_id{0});
  CHECK(records[1].who->vm == "vm");
  CHECK(records[1].who->user == "user");
  CHECK(records[1].who->program == "boot");
  CHECK(records[1].who->run == run_id{4});
  for (const auto& to : {on.owner, on.models, on.memory, on.local})
    CHECK(all<observed>(to).size() == 2);
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
