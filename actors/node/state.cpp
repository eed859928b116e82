#include "actors/node/state.hpp"
#include "actors/prefetcher/prefetcher.hpp"
#include "actors/provenance/provenance.hpp"
#include "actors/tier/tier.hpp"
#include "runtime/volume/tiers.hpp"

namespace forerun::actors {

namespace {

/// Slots that stay free, so that what arrives finds room while the tier catches up.
constexpr std::uint64_t pool_reserve_max = 4096;

class memory_store final : public tier_store {
public:
  explicit memory_store(ground& stands_on) : on_(stands_on) {}
  volume::dropped drop(std::span<const cache::cache_key> keys) override {
    return volume::drop_from_memory(*on_.planes, *on_.pool, on_.epochs, keys);
  }

private:
  ground& on_;
};

class disk_store final : public tier_store {
public:
  explicit disk_store(ground& stands_on) : on_(stands_on) {}
  volume::dropped drop(std::span<const cache::cache_key> keys) override {
    return volume::drop_from_disk(*on_.planes, keys);
  }

private:
  ground& on_;
};

prefetcher_config prefetch_of(const config::prefetch_config& from) {
  prefetcher_config to;
  to.enabled = from.enabled;
  to.limits.bandwidth_share_max = from.bandwidth_share;
  to.limits.thresholds.min = static_cast<float>(from.threshold_min);
  to.limits.thresholds.max = static_cast<float>(from.threshold_max);
  return to;
}

} // namespace

node_state::node_state(node_actor::pointer me, ground& stands_on)
    : self(me), on(stands_on), children(me, stands_on.others), started(stands_on.time->now()) {
  children.later = [this](place where, caf::timespan pause) {
    self->delayed_send(self, pause, node_task{[where](node_state& state) { state.children.restart(where); }});
  };
  self->set_down_handler([this](const caf::down_msg& message) { children.down(message); });

  const auto& config = on.config;
  const std::uint64_t slots = on.pool->slots();
  const auto reserve = std::min(pool_reserve_max, slots / 8);
  const tier_config memory{config.memory.policy, slots - reserve, config.prefetch.waste_horizon};
  const tier_config disk{config.disk.policy,
                         std::max<std::uint64_t>(1, config.disk.cache_bytes / block_bytes),
                         config.prefetch.waste_horizon};
  children.start({role::tier, tier_memory}, "forerun.tier memory", [this, memory] {
    return caf::actor_cast<caf::actor>(spawn_tier(self->system(), memory, std::make_shared<memory_store>(on),
                                                  on.others, own_log("tier/memory")));
  });
  children.start({role::tier, tier_disk}, "forerun.tier disk", [this, disk] {
    return caf::actor_cast<caf::actor>(
        spawn_tier(self->system(), disk, std::make_shared<disk_store>(on), on.others, own_log("tier/disk")));
  });
  children.start({role::prefetcher, 0}, "forerun.prefetcher", [this] {
    return caf::actor_cast<caf::actor>(
        spawn_prefetcher(self->system(), prefetch_of(on.config.prefetch), on.planes, on.others));
  });
  if (on.log)
    children.start({role::provenance, 0}, "forerun.provenance", [this] {
      provenance_config wanted;
      wanted.strict = on.config.provenance.audit == audit_policy::strict;
      wanted.keep = {on.config.provenance.keep_bytes, on.config.provenance.keep_age};
      wanted.anchor_every = on.config.provenance.anchor_every;
      wanted.make_index = [workers = on.workers.get(), others = on.others](provenance::index_job job) {
        return workers->post([job = std::move(job), others] {
          others->tell<provenance_actor>(
              {role::provenance, 0}, log_query{[segment = job.segment, made = job.work()](
                                                   provenance::log& log) { log.indexed(segment, made); }});
        });
      };
      return caf::actor_cast<caf::actor>(spawn_provenance(self->system(), wanted, *on.log, *on.workers));
    });
}

recorder node_state::own_log(std::string program) const {
  if (!on.log)
    return {};
  return {on.others, *on.time, {.vm = "", .program = std::move(program), .user = on.user}};
}

node_actor::behavior_type node_state::make_behavior() {
  return {[this](const node_task& task) { task.work(*this); }};
}

} // namespace forerun::actors
