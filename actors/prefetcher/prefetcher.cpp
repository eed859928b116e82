#include "actors/prefetcher/prefetcher.hpp"
#include "actors/common/time.hpp"
#include <map>

namespace forerun::actors {

namespace {

/// While something waits for time to pass (a share of bandwidth, an idle link), it is looked at so often.
constexpr auto pump_interval = std::chrono::milliseconds{5};
/// After the local disk was full, nothing is moved early for so long.
constexpr auto storage_pause = std::chrono::seconds{10};

struct prefetcher_state {
  static inline const char* name = "forerun.prefetcher";

  prefetcher_state(prefetcher_actor::pointer me, prefetcher_config settings,
                   std::shared_ptr<const volume::planes> open, std::shared_ptr<directory> known)
      : self(me), config(settings), images(std::move(open)), others(std::move(known)) {}

  prefetcher_actor::behavior_type make_behavior() {
    return {
        [this](const forecast_made& made) {
          // A refused forecast only means that this run is not prefetched for.
          with(made.image, [&](auto& to) { (void)to.replace(*made.what); });
        },
        [this](const predicted& what) { with(what.image, [&](auto& to) { to.add(what.what); }); },
        [this](const observed& seen) {
          with(seen.batch->image, [&](auto& to) {
            for (const auto& entry : seen.batch->entries)
              if (entry.op == operation::read && entry.how == outcome::hit)
                to.read(seen.batch->run, entry.where, entry.first_use_blocks);
          });
        },
        [this](const missed& what) {
          with(what.image, [&](auto& to) { to.read(what.run, what.what.where, 0); });
        },
        [this](const demand_sent& what) { with(what.image, [&](auto& to) { to.demand_sent(what.bytes); }); },
        [this](const demand_done& what) {
          with(what.image, [&](auto& to) { to.demand_done(what.bytes, what.ok, what.sent_at, now(self)); });
        },
        [this](const plan_done& what) {
          with(what.image, [&](auto& to) { to.done(what.planned, what.bytes, what.sent_at, now(self)); });
        },
        [this](const fetches_forgotten& what) { with(what.image, [&](auto& to) { to.forget_in_flight(); }); },
        [this](const storage_full& what) { held_until[what.image] = now(self) + storage_pause; },
        [this](const settled& what) {
          with(what.image, [&](auto& to) {
            for (const auto& [why, blocks] : what.used)
              to.used(why, blocks);
            to.missed(what.missed_blocks);
            to.adapt(what.fared);
            if (const auto measured = to.figures(); measured.bandwidth > 0)
              others->tell<predictor_actor>({role::predictor, what.image.value},
                                            link_measured{{measured.bandwidth, measured.delay}});
          });
        },
        [this](const run_ended& ended) { with(ended.image, [&](auto& to) { to.forget(ended.run); }); },
        [this](tick_atom) {
          ticking = false;
          for (auto& [image, scheduler] : schedulers)
            pump(image, scheduler);
        },
        [this](caf::get_atom) { return figures(); },
    };
  }

  template <class Work> void with(image_id image, Work work) {
    if (!config.enabled || image.value == 0)
      return;
    auto& scheduler = schedulers.try_emplace(image, config.limits).first->second;
    work(scheduler);
    pump(image, scheduler);
  }

  void pump(image_id image, prefetch::scheduler& scheduler) {
    const auto plane = images->find(image);
    if (!plane) {
      schedulers.erase(image);
      return;
    }
    if (const auto held = held_until.find(image); held != held_until.end() && now(self) < held->second)
      return;
    auto plans = scheduler.next(now(self), *plane);
    if (!plans.empty() && !others->tell<image_actor>({role::image, image.value}, plan_batch{plans}))
      for (const auto& item : plans) // Between an image's actor and the next one nothing can be moved.
        scheduler.done(item.where, 0, now(self), now(self));
    if (scheduler.waiting() && !ticking) {
      ticking = true;
      self->delayed_send(self, pump_interval, tick_atom_v);
    }
  }

  std::vector<prefetch_figures> figures() const {
    std::vector<prefetch_figures> all;
    for (const auto& [image, scheduler] : schedulers)
      all.push_back({image, scheduler.figures()});
    return all;
  }

  prefetcher_actor::pointer self;
  prefetcher_config config;
  std::shared_ptr<const volume::planes> images;
  std::shared_ptr<directory> others;
  std::map<image_id, prefetch::scheduler> schedulers; ///< One for each open image.
  std::map<image_id, instant> held_until;             ///< The local disk was full.
  bool ticking = false;
};

} // namespace

prefetcher_actor spawn_prefetcher(caf::actor_system& system, prefetcher_config config,
                                  std::shared_ptr<const volume::planes> images,
                                  std::shared_ptr<directory> others) {
  return system.spawn<prefetcher_actor::stateful_impl<prefetcher_state>>(config, std::move(images),
                                                                         std::move(others));
}

} // namespace forerun::actors
