#include "actors/predictor/predictor.hpp"
#include "actors/prefetcher/prefetcher.hpp"
#include "actors/tier/tier.hpp"
#include "tests/actors/stage.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::actors;
using namespace std::chrono_literals;

namespace {

// ---- tier

/// Takes note of what is dropped; all of it unread, or none.
class noted_store final : public tier_store {
public:
  volume::dropped drop(std::span<const cache::cache_key> keys) override {
    dropped.insert(dropped.end(), keys.begin(), keys.end());
    const std::vector<cache::cache_key> all{keys.begin(), keys.end()};
    return {all, unread ? all : std::vector<cache::cache_key>{}};
  }
  std::vector<cache::cache_key> dropped;
  bool unread = true;
};

struct tiers : actor_stage {
  tiers()
      : owner(listener({role::image, image.value})), models(listener({role::predictor, image.value})),
        log(listener({role::provenance, 0})),
        who(keep({role::tier, tier_memory},
                 spawn_tier(system, {.blocks_max = 4}, store, others,
                            {others, time, {.vm = "", .program = "tier/memory", .user = "me"}}))) {}

  std::shared_ptr<noted_store> store = std::make_shared<noted_store>();
  manual_clock time;
  heard owner;
  heard models;
  heard log;
  tier_actor who;
};

// ---- models

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

TEST_CASE("what left a tier is recorded, neighbours together, and the left out are counted") {
  tiers on;
  on.tell(on.who, admitted{on.image, {0, 12}, false});
  CHECK(on.log->empty());
  on.pass(recorder::age_max);
  const auto told = last<record_batch>(on.log);
  CHECK(told.who->by.program == "tier/memory");
  CHECK(told.who->kind == element_kind::image_block);
  CHECK(told.who->space == on.image.value);
  std::uint64_t blocks = 0;
  for (const auto& entry : *told.entries) {
    CHECK(entry.op == operation::evict);
    CHECK(entry.bytes == entry.where.bytes());
    blocks += entry.where.count;
  }
  CHECK(blocks == on.store->dropped.size());
  CHECK(told.entries->size() < blocks);
  CHECK(told.left_out == 0);
}

TEST_CASE("while the log does not keep up a recorder counts, and tells it with what finds room again") {
  tiers on;
  recorder records{on.others, on.time, {}};
  const auto go = [&](std::uint64_t block) {
    (void)records.add(on.image, {.arrived = on.time.now(), .where = {2 * block, 1}, .op = operation::evict});
  };
  for (std::size_t i = 0; i < recorder::under_way_max + 5; ++i)
    go(i);
  records.hand_over();
  on.scheduler.run();
  std::size_t entries = 0;
  for (const auto& batch : all<record_batch>(on.log))
    entries += batch.entries->size();
  CHECK(entries == recorder::under_way_max);
  on.log->clear();
  go(0);
  records.hand_over();
  on.scheduler.run();
  CHECK(last<record_batch>(on.log).left_out == 5);
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

TEST_CASE("what every volume of the image has written over is not planned") {
  plans on;
  const auto overlay = [&](const char* name) {
    return std::shared_ptr{store::overlay::open(on.disk, name, {.volume_bytes = on.plane->bytes}).value()};
  };
  const auto first = overlay("first");
  const auto second = overlay("second");
  const std::vector<std::byte> data(2 * block_bytes);
  REQUIRE(first->write(0, data));
  REQUIRE(second->trim({1, 1}));
  on.plane->attach(first);
  on.plane->attach(second);
  on.foresee({0, 4});
  CHECK(on.planned() == std::vector<extent>{{0, 1}, {2, 2}});
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
