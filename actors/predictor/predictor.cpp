#include "actors/predictor/predictor.hpp"
#include "actors/common/time.hpp"
#include "actors/predictor/model.hpp"
#include "actors/tier/tier.hpp"
#include <spdlog/spdlog.h>

namespace forerun::actors {

namespace {

struct predictor_state {
  static inline const char* name = "forerun.predictor";

  predictor_state(predictor_actor::pointer me, predictor_parts given)
      : self(me), parts(std::move(given)), mix(parts.limits) {
    if (const auto saved = parts.models->load(parts.image); !saved.empty())
      if (const auto loaded = load_model(saved, history, mix); !loaded)
        spdlog::warn("the model of image {} is {}: it is learned anew", parts.image.value,
                     to_string(loaded.error()));
  }

  predictor_actor::behavior_type make_behavior() {
    return {
        [this](const run_begun& begun) {
          if (runs++ == 0)
            mix.begin_run();
          // A run too many is not followed; it reads all the same.
          if (history.begin(begun.run, begun.program) && begun.announced)
            publish(begun.run);
        },
        [this](const run_ended& ended) {
          runs -= runs > 0;
          learn(ended.run);
        },
        [this](const missed& what) { observe(what.run, what.what); },
        [this](const observed& seen) {
          // What had to wait was seen when it began to.
          for (const auto& entry : seen.batch->entries)
            if (entry.op != operation::read || entry.how == outcome::hit)
              observe(seen.batch->run, entry);
        },
        [this](const evicted& gone) {
          for (const auto block : gone.blocks)
            mix.evicted_unused(block);
        },
        [this](const link_measured& figures) { link = figures.link; },
        [this](const foreseen& what) {
          history.foresee(predict::foresight{*what.ranked});
          // Runs that go on have something to look forward to now; others hear of it with their first read.
          for (const auto run : history.runs())
            publish(run);
        },
        [this](const imported& piece) { return teach(piece); },
        [this](save_atom) { parts.models->save(parts.image, save_model(history, mix)); },
        [this](caf::get_atom) {
          return predictor_figures{history.figures(), mix.figures(), learning, mix.scores(), history.seen()};
        },
        [this](chances_atom) {
          auto chances = std::make_shared<std::vector<std::pair<std::uint64_t, float>>>();
          history.each_chance(
              [&](std::uint64_t block, float chance) { chances->emplace_back(block, chance); });
          return block_chances{std::move(chances)};
        },
        [this](const regions& wanted) {
          region_chances chances{std::vector<float>(wanted.count)};
          history.each_chance([&](std::uint64_t block, float chance) {
            if (const auto region = block / wanted.blocks_each; region < wanted.count)
              chances.values[region] += chance / static_cast<float>(wanted.blocks_each);
          });
          return chances;
        },
    };
  }

  void observe(run_id run, const access& entry) {
    hits_in_a_row = is_repetition(entry) ? hits_in_a_row + 1 : 0;
    const bool resting = hits_in_a_row > rest_after_hits;
    const bool explained = !resting && entry.op == operation::read && history.explains(run, entry.where);
    if (history.observe(run, entry))
      publish(run);
    if (resting)
      return;
    const auto plane = parts.images->find(parts.image);
    if (!plane)
      return;
    predict::mix_output out;
    mix.observe(entry, explained, *plane, link, out);
    // Where the history leads, the others only learn.
    if (!explained && !out.fetch.empty())
      parts.others->tell<prefetcher_actor>({role::prefetcher, 0},
                                           predicted{parts.image, std::move(out.fetch)});
    if (!out.keep.empty())
      parts.others->tell<tier_actor>({role::tier, tier_memory}, kept{parts.image, std::move(out.keep)});
  }

  void publish(run_id run) {
    if (auto next = history.rank(run, now(self)))
      parts.others->tell<prefetcher_actor>(
          {role::prefetcher, 0},
          forecast_made{parts.image, std::make_shared<const forecast>(std::move(*next))});
  }

  /// False if there is no room to follow the run. Its ranking is never asked for, so no forecast comes of it.
  bool teach(const imported& piece) {
    const auto begun = history.begin(piece.run, piece.program);
    for (const auto& entry : *piece.entries) {
      history.observe(piece.run, entry);
      mix.recall(entry);
    }
    if (piece.ends)
      learn(piece.run);
    return begun || begun.error() == errc::exists;
  }

  void learn(run_id run) {
    const auto begun = now(self);
    history.end(run);
    learning = now(self) - begun;
    auto model = std::make_shared<std::vector<std::byte>>(save_model(history, mix));
    parts.workers->post([models = parts.models, image = parts.image, model] { models->save(image, *model); });
  }

  predictor_actor::pointer self;
  predictor_parts parts;
  predict::history history;
  predict::mix mix;
  predict::link_figures link;
  std::uint32_t runs = 0;
  std::uint32_t hits_in_a_row = 0;
  nanos learning{0};
};

} // namespace

predictor_actor spawn_predictor(caf::actor_system& system, predictor_parts parts) {
  return system.spawn<predictor_actor::stateful_impl<predictor_state>>(std::move(parts));
}

} // namespace forerun::actors
