#include "actors/provenance/provenance.hpp"
#include "actors/common/errors.hpp"
#include <fmt/format.h>

namespace forerun::actors {

namespace {

struct provenance_state {
  static inline const char* name = "forerun.provenance";

  provenance_state(provenance_actor::pointer me, provenance_config settings, provenance::log& kept)
      : self(me), config(settings), log(kept) {}

  provenance_actor::behavior_type make_behavior() {
    return {
        [this](const record_batch& batch) { append(batch); },
        [this](tick_atom) {
          ticking = false;
          commit(provenance::durability::synced);
        },
        [this](const log_query& query) {
          // Questions see everything that was said before them.
          commit(provenance::durability::written);
          query.work(log);
        },
        [this](caf::get_atom) {
          control::provenance_status status;
          status.strict = config.strict;
          status.records = log.records();
          if (const auto size = log.bytes())
            status.bytes = size.value();
          status.dropped = dropped;
          for (const auto byte : log.head())
            status.head_hash += fmt::format("{:02x}", byte);
          return status;
        },
    };
  }

  void append(const record_batch& batch) {
    provenance::agent who{batch.who->vm, batch.who->program, batch.who->user, 0};
    auto done = log.append(who, *batch.batch);
    if (!done && done.error() == errc::overloaded && log.write())
      done = log.append(who, *batch.batch);
    if (!done)
      dropped += batch.batch->entries.size();
    else if (log.pending_bytes() > 0)
      (void)
          log.write(); // What could not be written stays pending, and the bound above drops what comes then.
    if (!ticking) {
      ticking = true;
      self->delayed_send(self, config.commit_every, tick_atom_v);
    }
  }

  void commit(provenance::durability how) {
    if (!log.commit(how) && !ticking) {
      ticking = true;
      self->delayed_send(self, config.commit_every, tick_atom_v);
    }
  }

  provenance_actor::pointer self;
  provenance_config config;
  provenance::log& log;
  std::uint64_t dropped = 0;
  bool ticking = false;
};

} // namespace

provenance_actor spawn_provenance(caf::actor_system& system, provenance_config config, provenance::log& log) {
  return system.spawn<provenance_actor::stateful_impl<provenance_state>, caf::detached>(config,
                                                                                        std::ref(log));
}

} // namespace forerun::actors
