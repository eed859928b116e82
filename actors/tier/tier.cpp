#include "actors/tier/tier.hpp"
#include "actors/common/time.hpp"
#include <algorithm>
#include <map>

namespace forerun::actors {

namespace {

struct tier_state {
  static inline const char* name = "forerun.tier";

  tier_state(tier_actor::pointer me, tier_config settings, std::shared_ptr<tier_store> given,
             std::shared_ptr<directory> known, recorder given_log)
      : self(me), config(settings), store(std::move(given)), others(std::move(known)),
        log(std::move(given_log)), policy(cache::make_policy(config.policy, config.blocks_max)) {}

  tier_actor::behavior_type make_behavior() {
    return {
        [this](const admitted& what) { admit(what); },
        [this](const observed& seen) { touch(*seen.batch); },
        [this](const kept& what) {
          for (const auto block : what.blocks)
            policy->protect(cache::cache_key::of(what.image.value, block));
        },
        [this](record_atom) { log.hand_over(); },
        [this](drop_atom) { return drop_all(); },
    };
  }

  void admit(const admitted& what) {
    for (auto block = what.where.first; block < what.where.end(); ++block) {
      const auto key = cache::cache_key::of(what.image.value, block);
      policy->admit(key, what.prefetched ? cache::admit_kind::prefetch : cache::admit_kind::demand);
      if (what.prefetched)
        policy->protect_until(key, now(self) + config.protect_for);
    }
    std::vector<cache::cache_key> victims;
    while (policy->size() > config.blocks_max)
      victims.push_back(policy->victim(now(self)).value());
    drop(victims);
  }

  void touch(const access_batch& batch) {
    for (const auto& entry : batch.entries)
      if (entry.op == operation::read)
        for (auto block = entry.where.first; block < entry.where.end(); ++block)
          policy->touched(cache::cache_key::of(batch.image.value, block));
  }

  std::uint64_t drop_all() {
    std::uint64_t dropped = 0;
    std::vector<cache::cache_key> victims;
    while (const auto key = policy->victim(now(self))) {
      victims.push_back(*key);
      ++dropped;
      if (victims.size() == eviction_batch_max)
        drop(std::exchange(victims, {}));
    }
    drop(victims);
    return dropped;
  }

  void drop(std::span<const cache::cache_key> keys) {
    if (keys.empty())
      return;
    auto dropped = store->drop(keys);
    record(dropped.gone);
    std::map<std::uint32_t, std::vector<std::uint64_t>> unread;
    for (const auto key : dropped.unread)
      unread[key.owner()].push_back(key.block());
    for (auto& [image, blocks] : unread) {
      const evicted gone{std::move(blocks)};
      others->tell<image_actor>({role::image, image}, gone);
      others->tell<predictor_actor>({role::predictor, image}, gone);
    }
  }

  void record(std::vector<cache::cache_key>& gone) {
    std::ranges::sort(gone, {}, &cache::cache_key::value); // Neighbours make one record.
    access entry;
    entry.op = operation::evict;
    entry.arrived = now(self);
    entry.bytes = block_bytes;
    for (const auto key : gone) {
      entry.where = {key.block(), 1};
      if (log.add({key.owner()}, entry))
        self->delayed_send(self, recorder::age_max, record_atom_v);
    }
  }

  tier_actor::pointer self;
  tier_config config;
  std::shared_ptr<tier_store> store;
  std::shared_ptr<directory> others;
  recorder log; ///< Of evictions.
  std::unique_ptr<cache::policy> policy;
};

} // namespace

tier_actor spawn_tier(caf::actor_system& system, tier_config config, std::shared_ptr<tier_store> store,
                      std::shared_ptr<directory> others, recorder log) {
  return system.spawn<tier_actor::stateful_impl<tier_state>>(config, std::move(store), std::move(others),
                                                             std::move(log));
}

} // namespace forerun::actors
