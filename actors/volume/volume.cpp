#include "actors/volume/volume.hpp"
#include "actors/common/errors.hpp"

namespace forerun::actors {

namespace {

struct volume_state {
  static inline const char* name = "forerun.volume";

  volume_state(volume_actor::pointer, volume_parts given)
      : parts(std::move(given)), clients(parts.device->clients()), now(*parts.now) {
    // Of those that came and went while there was no actor nobody was told.
    if (clients == 0 && !now.announced)
      end();
    else if (now.run.value == 0)
      begin(parts.program);
    parts.device->welcome();
  }

  volume_actor::behavior_type make_behavior() {
    return {
        [this](attach_atom) {
          if (clients++ > 0)
            return;
          if (!now.announced)
            begin(parts.program);
          parts.device->welcome();
        },
        [this](detach_atom) {
          if (clients > 0 && --clients == 0 && !now.announced)
            end();
        },
        [this](begin_atom, const std::string& program) -> caf::result<run_id> {
          end();
          now.announced = true;
          begin(program.empty() ? parts.program : program);
          return now.run;
        },
        [this](end_atom) -> caf::result<run_id> {
          if (now.run.value == 0)
            return fail(errc::not_found);
          const auto ended = now.run;
          end();
          now.announced = false;
          return ended;
        },
        [this](caf::get_atom) { return clients; },
    };
  }

  void begin(const std::string& program) {
    // A run is named by when it began, so that names stay unique over restarts.
    now.run = {std::max<std::uint64_t>(static_cast<std::uint64_t>(parts.time->wall().ns), now.last_run + 1)};
    now.last_run = now.run.value;
    parts.device->set_run(now.run);
    const run_begun what{parts.device->id(), now.run, program, now.announced};
    parts.others->tell<vm_actor>({role::vm, what.volume.value}, what);
    if (const auto& image = parts.device->image())
      parts.others->tell<predictor_actor>({role::predictor, image->id.value}, what);
  }

  void end() {
    if (now.run.value == 0)
      return;
    parts.others->tell<vm_actor>({role::vm, parts.device->id().value}, run_ended{{}, now.run});
    if (const auto& image = parts.device->image()) {
      parts.others->tell<predictor_actor>({role::predictor, image->id.value}, run_ended{image->id, now.run});
      parts.others->tell<prefetcher_actor>({role::prefetcher, 0}, run_ended{image->id, now.run});
    }
    now.run = {};
    parts.device->set_run(now.run);
  }

  volume_parts parts;
  std::uint32_t clients;
  open_run& now;
};

} // namespace

volume_actor spawn_volume(caf::actor_system& system, volume_parts parts) {
  return system.spawn<volume_actor::stateful_impl<volume_state>>(std::move(parts));
}

} // namespace forerun::actors
