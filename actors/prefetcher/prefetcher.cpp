#include "actors/prefetcher/prefetcher.hpp"
#include "actors/common/time.hpp"
#include <cmath>
#include <map>

namespace forerun::actors {

namespace {

/// While something waits for time to pass (a share of bandwidth, an idle link), it is looked at so often.
constexpr auto pump_interval = std::chrono::milliseconds{5};
/// After the local disk was full, nothing is moved early for so long.
constexpr auto storage_pause = std::chrono::seconds{10};
/// A change of the link by less than this share is no news.
constexpr double link_news_min = 0.1;

double to_seconds(nanos time) {
  return std::chrono::duration<double>(time).count();
}

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
          with(what.image, [&](auto& to) {
            to.demand_done(what.bytes, what.ok, what.sent_at, now(self));
            tell_link(what.image, to);
          });
        },
        [this](const plan_done& what) {
          with(what.image, [&](auto& to) {
            to.done(what.planned, what.bytes, what.sent_at, now(self));
            tell_link(what.image, to);
          });
        },
        [this](const fetches_forgotten& what) { with(what.image, [&](auto& to) { to.forget_in_flight(); }); },
        [this](const storage_full& what) { held_until[what.image] = now(self) + storage_pause; },
        [this](const proved& what) {
          with(what.image, [&](auto& to) {
            for (const auto& [why, blocks] : what.used)
              to.used(why, blocks);
            to.missed(what.missed_blocks);
          });
        },
        [this](const settled& what) { with(what.image, [&](auto& to) { to.adapt(what.fared); }); },
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

  /// The models weigh what a fetch costs, so they hear when the path turns out another than they know.
  void tell_link(image_id image, const prefetch::scheduler& scheduler) {
    const auto measured = scheduler.figures();
    auto& [bandwidth, delay] = links_told[image];
    const auto differs = [](double told, double seen) {
      return std::abs(seen - told) > told * link_news_min;
    };
    if (!differs(bandwidth, measured.bandwidth) && !differs(to_seconds(delay), to_seconds(measured.delay)))
      return;
    bandwidth = measured.bandwidth;
    delay = measured.delay;
    others->tell<predictor_actor>({role::predictor, image.value}, link_measured{{bandwidth, delay}});
  }

  void pump(image_id image, prefetch::scheduler& scheduler) {
    const auto plane = images->find(image);
    if (!plane) {
      links_told.erase(image);
      schedulers.erase(image);
      return;
    }
    if (const auto held = held_until.find(image); held != held_until.end() && now(self) < held->second)
      return;
    auto plans = scheduler.next(now(self), volume::useful_blocks{*plane});
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
  std::map<image_id, predict::link_figures> links_told;
  std::map<image_id, instant> held_until; ///< The local disk was full.
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
