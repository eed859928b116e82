#include "actors/vm/vm.hpp"
#include "actors/predictor/predictor.hpp"
#include "actors/tier/tier.hpp"
#include "runtime/base/block_set.hpp"
#include "runtime/base/hash.hpp"
#include <algorithm>

namespace forerun::actors {

namespace {

/// Touches that the tiers hear of, and how many of them at once.
constexpr double touches_per_second_max = 10000;
constexpr double touches_burst_max = 4096;

struct vm_state {
  static inline const char* name = "forerun.vm";

  vm_state(vm_actor::pointer, identity given, image_id on, std::shared_ptr<directory> known)
      : who(std::move(given)), image(on), others(std::move(known)) {}

  vm_actor::behavior_type make_behavior() {
    return {
        [this](const run_begun& run) {
          who.run = run.run;
          who.program = run.program;
          in_log = nullptr;
          record_run();
        },
        [this](const run_ended&) { who.run = {}; },
        [this](const observed& seen) {
          const bool new_to_run = count(*seen.batch);
          record(seen.batch);
          if (image.value == 0)
            return;
          const bool news = notable(*seen.batch);
          // While the predictor rests, only what a run reads for the first time is of use to it.
          if (!resting(*seen.batch, news) || new_to_run)
            others->tell<predictor_actor>({role::predictor, image.value}, seen);
          if (news) {
            others->tell<image_actor>({role::image, image.value}, seen);
            others->tell<prefetcher_actor>({role::prefetcher, 0}, seen);
          }
          if (sampled(*seen.batch))
            for (const auto tier : {tier_memory, tier_disk})
              others->tell<tier_actor>({role::tier, tier}, seen);
        },
        [this](caf::get_atom) {
          figures.run = who.run;
          figures.program = who.program;
          figures.distinct_blocks = distinct.size();
          return figures;
        },
        [this](const regions& wanted) {
          region_reads reads{std::vector<std::uint64_t>(wanted.count)};
          distinct.each([&](std::uint64_t block) {
            if (const auto region = block / wanted.blocks_each; region < wanted.count)
              ++reads.values[region];
          });
          return reads;
        },
    };
  }

  void record(const volume::batch_ptr& batch) {
    if (!in_log || in_log->run != batch->run)
      in_log = std::make_shared<provenance::context>(context(batch->run, element_kind::block));
    record_batch what;
    what.who = in_log;
    what.entries = {batch, &batch->entries};
    what.strict = who.strict;
    others->tell<provenance_actor>({role::provenance, 0}, std::move(what));
  }

  void record_run() {
    access begun;
    begun.at = {static_cast<std::int64_t>(who.run.value)}; // Runs are named by when they began.
    begun.where = {element_of(who.program), 1};
    begun.op = operation::execute;
    record_batch what;
    what.who = std::make_shared<provenance::context>(context(who.run, element_kind::program));
    what.entries = std::make_shared<std::vector<access>>(1, begun);
    what.values = {who.program};
    others->tell<provenance_actor>({role::provenance, 0}, std::move(what));
  }

  provenance::context context(run_id run, element_kind kind) const {
    return {.by = {.vm = who.vm, .program = who.program, .user = who.user},
            .run = run,
            .kind = kind,
            .space = who.volume.value};
  }

  /// Something was used for the first time, waited for, or changed: of mere repetition nobody has to hear.
  static bool notable(const access_batch& batch) {
    return !std::ranges::all_of(batch.entries, is_repetition);
  }

  /// Whether the predictor rested before the batch and will go on to.
  bool resting(const access_batch& batch, bool news) {
    const bool rested = repetitions > rest_after_hits;
    repetitions = news ? 0 : std::min<std::uint64_t>(repetitions + batch.entries.size(), rest_after_hits + 1);
    return rested && !news;
  }

  /// A tier needs to know what is hot, not every touch of it: past a rate, batches are left out.
  bool sampled(const access_batch& batch) {
    if (batch.entries.empty())
      return false;
    const auto now = batch.entries.back().arrived;
    const auto earned = std::chrono::duration<double>(now - sampled_at).count() * touches_per_second_max;
    touches_left = std::min(touches_burst_max, touches_left + std::max(0.0, earned));
    sampled_at = now;
    if (touches_left < static_cast<double>(batch.entries.size()))
      return false;
    touches_left -= static_cast<double>(batch.entries.size());
    return true;
  }

  /// True if its run had not read all of it before.
  bool count(const access_batch& batch) {
    if (std::exchange(counted_run, batch.run) != batch.run)
      read_in_run.clear();
    const auto before = read_in_run.size();
    for (const auto& entry : batch.entries) {
      figures.failed += entry.how == outcome::failed;
      if (entry.op != operation::read) {
        ++(entry.op == operation::write ? figures.writes : figures.removes);
        continue;
      }
      ++figures.reads;
      figures.hits += entry.how == outcome::hit;
      figures.late += entry.how == outcome::late;
      figures.misses += entry.how == outcome::miss;
      if (entry.how == outcome::late || entry.how == outcome::miss)
        figures.stalled += entry.latency;
      figures.first_use_blocks += entry.first_use_blocks;
      for (auto block = entry.where.first; block < entry.where.end(); ++block)
        if (read_in_run.insert(block))
          distinct.insert(block);
    }
    return read_in_run.size() > before;
  }

  identity who;
  std::shared_ptr<const provenance::context> in_log; ///< Of the last batch; null after the program changed.
  image_id image;
  std::shared_ptr<directory> others;
  volume_figures figures;
  block_set distinct;
  block_set read_in_run;
  run_id counted_run{};
  std::uint64_t repetitions = 0; ///< In a row, up to now.
  instant sampled_at{};
  double touches_left = touches_burst_max;
};

} // namespace

vm_actor spawn_vm(caf::actor_system& system, identity who, image_id image,
                  std::shared_ptr<directory> others) {
  return system.spawn<vm_actor::stateful_impl<vm_state>>(std::move(who), image, std::move(others));
}

} // namespace forerun::actors
