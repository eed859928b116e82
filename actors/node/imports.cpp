#include "actors/node/state.hpp"
#include <algorithm>
#include <fmt/format.h>

// Recordings that are handed over piece by piece: each piece goes to the log, then to the models of its
// volume's image, and is answered when both have it, so that a tool cannot run ahead of either.

namespace forerun::actors {

namespace {

constexpr std::size_t imports_max = 16;
/// Whose tool is not heard of for so long ends there, and is learned as far as it came.
constexpr auto import_silence_max = std::chrono::minutes{1};
/// While more than this waits for the disk, recordings wait; what happens now does not.
constexpr std::size_t log_pending_max = 1u << 20;

/// Pauses of a recording that are longer teach nothing.
constexpr nanos think_max = std::chrono::hours{1};

/// Leaves out what lies past the end of its volume; returns how much.
std::uint64_t clip(control::import_batch& batch, std::uint64_t blocks) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    if (batch.entries[i].where.end() > blocks)
      continue;
    if (kept != i) {
      batch.entries[kept] = batch.entries[i];
      batch.context_of[kept] = batch.context_of[i];
      batch.values[kept] = std::move(batch.values[i]);
    }
    ++kept;
  }
  const auto left_out = batch.entries.size() - kept;
  batch.entries.resize(kept);
  batch.context_of.resize(kept);
  batch.values.resize(kept);
  return left_out;
}

/// A recording knows when requests came, not when they were answered: what lies between two is taken for the
/// program's own time.
void set_think(std::vector<access>& entries, wall_time& last) {
  for (auto& entry : entries) {
    entry.think = std::clamp(nanos{entry.at.ns - last.ns}, nanos{0}, think_max);
    last = entry.at;
  }
}

std::vector<provenance::context> contexts_of(const control::import_batch& batch, volume_id volume,
                                             const std::string& program) {
  std::vector<provenance::context> all;
  for (const auto& each : batch.contexts) {
    provenance::context who{.by = {each.vm, each.program, each.user, 0},
                            .run = {batch.run},
                            .kind = each.kind,
                            .space = each.space};
    if (volume.value != 0) {
      who.space = volume.value;
      if (who.by.program.empty())
        who.by.program = program;
    }
    all.push_back(std::move(who));
  }
  return all;
}

/// Everything, or, when it is refused as `overloaded`, nothing.
result<void> append(provenance::log& log, const control::import_batch& batch,
                    const std::vector<provenance::context>& contexts) {
  if (log.pending_bytes() > log_pending_max)
    return errc::overloaded;
  std::vector<provenance::detail> details(batch.entries.size());
  for (std::size_t i = 0; i < details.size(); ++i)
    details[i].value = batch.values[i];
  const std::span entries{batch.entries};
  for (std::size_t at = 0, end = 0; at < entries.size(); at = end) {
    const auto who = batch.context_of[at];
    while (end < entries.size() && batch.context_of[end] == who)
      ++end;
    const auto done =
        log.append(contexts[who], entries.subspan(at, end - at), std::span{details}.subspan(at, end - at));
    if (!done)
      return done.error();
  }
  // The end of a recording is told when all of it would survive a crash.
  return batch.ends ? log.commit(provenance::durability::synced) : result<void>{success()};
}

} // namespace

node_state::open_import* node_state::import_of(control::import_batch& batch,
                                               const control::reply<control::import_done>& to) {
  if (batch.run != 0) {
    const auto found = imports.find(batch.run);
    if (found != imports.end() && found->second.volume == batch.volume)
      return &found->second;
    to.fail(errc::not_found, "this recording has ended already",
            "it was silent for too long, or the node was started anew: import it again");
    return nullptr;
  }
  if (imports.size() >= imports_max) {
    to.fail(errc::overloaded, fmt::format("{} recordings are imported already", imports_max),
            "wait until one has ended");
    return nullptr;
  }
  open_import made{.volume = batch.volume};
  if (const auto* volume = find(batch.volume)) {
    made.image = volume->entry.image;
    made.program = volume->entry.program;
  }
  if (!batch.contexts.empty() && !batch.contexts.front().program.empty())
    made.program = batch.contexts.front().program;
  if (!batch.entries.empty())
    made.last = batch.entries.front().at;
  // Named as other runs are, by when it began.
  batch.run = last_import = std::max(static_cast<std::uint64_t>(on.time->wall().ns), last_import + 1);
  self->delayed_send(self, import_silence_max,
                     node_task{[run = batch.run](node_state& state) { state.give_up_silent_import(run); }});
  return &imports.emplace(batch.run, std::move(made)).first->second;
}

void node_state::give_up_silent_import(std::uint64_t run) {
  const auto found = imports.find(run);
  if (found == imports.end())
    return;
  if (on.time->now() - found->second.heard < import_silence_max) {
    self->delayed_send(self, import_silence_max,
                       node_task{[run](node_state& state) { state.give_up_silent_import(run); }});
    return;
  }
  const auto& given_up = found->second;
  on.others->tell<predictor_actor>(
      {role::predictor, given_up.image.value},
      imported{{run}, given_up.program, std::make_shared<const std::vector<access>>(), true});
  imports.erase(found);
}

void node_state::import_records(const std::shared_ptr<control::import_batch>& batch,
                                const control::reply<control::import_done>& to) {
  const auto* volume = find(batch->volume);
  if (volume == nullptr && !batch->volume.empty()) {
    to.fail(no_such_volume(batch->volume));
    return;
  }
  if (volume == nullptr && on.log == nullptr) {
    to.fail(errc::unavailable, "provenance is off, so there is nowhere to keep what a recording says",
            "set provenance.enabled = true in the configuration, or name a --volume to teach its models");
    return;
  }
  const bool first = batch->run == 0;
  auto* into = import_of(*batch, to);
  if (into == nullptr)
    return;
  into->heard = on.time->now();
  control::import_done done{.run = batch->run};
  if (volume != nullptr)
    done.left_out = clip(*batch, blocks_of(volume->entry.bytes));
  set_think(batch->entries, into->last);

  // On this actor's thread again: the log has it, or not.
  auto go_on = [batch, to, first](node_state& state, result<void> kept, control::import_done what) {
    const auto found = state.imports.find(what.run);
    if (!kept || found == state.imports.end()) {
      if (first) // The tool does not know of the run, and names none when it tries again.
        state.imports.erase(what.run);
      to.fail(kept ? errc::not_found : kept.error());
      return;
    }
    imported piece{{what.run}, found->second.program, nullptr, batch->ends};
    const auto image = found->second.image;
    if (batch->ends)
      state.imports.erase(found);
    piece.entries = {batch, &batch->entries};
    state.ask<bool, predictor_actor>(
        {role::predictor, image.value},
        [to, what](result<bool> learns) mutable {
          what.learns = learns && learns.value();
          to(what);
        },
        std::move(piece));
  };
  if (on.log == nullptr) {
    go_on(*this, success(), done);
    return;
  }
  done.records = batch->entries.size();
  auto contexts = contexts_of(*batch, volume != nullptr ? volume->entry.id : volume_id{}, into->program);
  const bool sent = on.others->tell<provenance_actor>(
      {role::provenance, 0}, log_query{[me = caf::actor_cast<node_actor>(self), batch, done, go_on,
                                        contexts = std::move(contexts)](provenance::log& log) {
        const auto kept = append(log, *batch, contexts);
        caf::anon_send(me, node_task{[kept, done, go_on](node_state& state) { go_on(state, kept, done); }});
      }});
  if (!sent)
    go_on(*this, errc::overloaded, done); // Between the log's actor and the next one.
}

} // namespace forerun::actors
