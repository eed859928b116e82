#include "actors/provenance/provenance.hpp"
#include "actors/common/errors.hpp"
#include "actors/common/time.hpp"
#include "actors/provenance/subscribers.hpp"
#include <deque>
#include <spdlog/spdlog.h>

namespace forerun::actors {

namespace {

struct provenance_state {
  static inline const char* name = "forerun.provenance";

  provenance_state(provenance_actor::pointer me, provenance_config settings, provenance::log& kept,
                   store::blocking_pool& workers)
      : self(me), config(settings), log(kept), told(me, kept, workers) {
    self->set_down_handler([this](const caf::down_msg& who) { told.gone(who); });
  }

  provenance_actor::behavior_type make_behavior() {
    if (config.keep.bytes_max > 0 || config.keep.age_max > nanos{0})
      self->send(self, retain_atom_v);
    if (config.anchor_every > nanos{0})
      self->delayed_send(self, config.anchor_every, anchor_atom_v);
    return {
        [this](const record_batch& batch) {
          dropped += batch.left_out;
          if (batch.strict)
            keep(batch);
          else
            take(batch);
        },
        [this](tick_atom) {
          ticking = false;
          commit(provenance::durability::synced);
        },
        [this](sync_atom) {
          syncing = false;
          commit(provenance::durability::synced);
        },
        [this](retain_atom) {
          const auto more = log.retain(config.keep);
          say(retaining, more ? std::nullopt : std::optional{more.error()},
              "old segments could not be dropped");
          self->delayed_send(self, more && more.value() ? config.commit_every : config.retain_every,
                             retain_atom_v);
        },
        [this](anchor_atom) {
          const auto done = log.set_anchor();
          say(anchoring, done ? std::nullopt : std::optional{done.error()}, "the log could not be anchored");
          self->delayed_send(self, config.anchor_every, anchor_atom_v);
        },
        [this](const log_query& query) {
          // Questions see everything that was said before them.
          commit(provenance::durability::written);
          query.work(log);
          make_index();
        },
        [this](caf::get_atom) {
          control::provenance_status status;
          status.strict = config.strict;
          status.records = log.records();
          if (const auto size = log.bytes())
            status.bytes = size.value();
          status.dropped = dropped;
          status.head_hash = hex(log.head());
          if (const auto key = log.key())
            status.public_key = hex(*key);
          return status;
        },
        [this](const subscribe& what) -> caf::result<subscribed> {
          const auto added = told.add(what);
          if (!added)
            return fail(added.error());
          return added.value();
        },
        [this](const grant& what) { told.grant(what); },
        [this](const records_pulled& what) { told.pulled(what); },
        [this](news_atom) { told.news(); },
    };
  }

  void take(const record_batch& batch) {
    if (!append(batch))
      dropped += batch.entries->size();
    tick();
  }

  void keep(const record_batch& batch) {
    strict.push_back(batch);
    append_strict();
    sync(config.sync_pause);
  }

  /// As many as the log has room for, in order.
  void append_strict() {
    for (; appended < strict.size(); ++appended) {
      const auto done = append(strict[appended]);
      if (!done && done.error() == errc::overloaded)
        return;
      if (!done)
        dropped += strict[appended].entries->size(); // It can never be recorded.
    }
  }

  result<void> append(const record_batch& batch) {
    std::vector<provenance::detail> details;
    for (const auto& value : batch.values)
      details.push_back({.version = 0, .value = value});
    auto done = log.append(*batch.who, *batch.entries, details);
    if (!done && done.error() == errc::overloaded && log.write())
      done = log.append(*batch.who, *batch.entries, details);
    if (!done)
      return done.error();
    if (log.pending_bytes() > 0)
      (void)log.write(); // What could not be written stays pending, up to a bound.
    told.appended();
    return success();
  }

  void commit(provenance::durability how) {
    const auto done = log.commit(how);
    tell_operator(done);
    if (!done)
      tick();
    if (how != provenance::durability::synced)
      return;
    make_index();
    synced_at = now(self);
    if (done)
      for (; appended > 0; --appended)
        strict.pop_front(); // Its ring has room again, and flushes go on.
    append_strict();
    if (!strict.empty())
      sync(done ? config.sync_pause : config.retry_pause);
  }

  void tell_operator(const result<void>& written) {
    if (!written && !std::exchange(failing, true))
      spdlog::error("the provenance log cannot be written: {}; clients of strict volumes wait",
                    to_string(written.error()));
    if (written && std::exchange(failing, false))
      spdlog::info("the provenance log can be written again");
  }

  void make_index() {
    if (!config.make_index)
      return;
    if (auto job = log.next_index_job())
      if (const auto segment = job->segment; !config.make_index(std::move(*job)))
        log.indexed(segment, errc::overloaded); // It comes again.
  }

  void tick() {
    if (!std::exchange(ticking, true))
      self->delayed_send(self, config.commit_every, tick_atom_v);
  }

  /// At once, but for a pause after the last one.
  void sync(nanos pause) {
    if (std::exchange(syncing, true))
      return;
    const auto wait = synced_at + pause - now(self);
    if (wait > nanos{0})
      self->delayed_send(self, wait, sync_atom_v);
    else
      self->send(self, sync_atom_v); // Behind what is in the mailbox already.
  }

  /// Once for each change, not each time.
  static void say(std::optional<errc>& before, std::optional<errc> now, std::string_view what) {
    if (now && now != before)
      spdlog::error("provenance log: {}: {}", what, to_string(*now));
    before = now;
  }

  provenance_actor::pointer self;
  provenance_config config;
  provenance::log& log;
  subscribers told;
  std::deque<record_batch> strict; ///< Not on stable storage yet; bounded by the rings of their volumes.
  std::size_t appended = 0;        ///< So many of them are in the log.
  std::uint64_t dropped = 0;
  instant synced_at{};
  bool ticking = false;
  bool syncing = false;
  bool failing = false;
  std::optional<errc> retaining; ///< Why it failed the last time.
  std::optional<errc> anchoring;
};

} // namespace

provenance_actor spawn_provenance(caf::actor_system& system, provenance_config config, provenance::log& log,
                                  store::blocking_pool& workers) {
  using impl = provenance_actor::stateful_impl<provenance_state>;
  return config.detached ? system.spawn<impl, caf::detached>(config, std::ref(log), std::ref(workers))
                         : system.spawn<impl>(config, std::ref(log), std::ref(workers));
}

} // namespace forerun::actors
