#include "actors/volume/volume.hpp"
#include "actors/common/errors.hpp"

namespace forerun::actors {

namespace {

struct volume_state {
  static inline const char* name = "forerun.volume";

  volume_state(volume_actor::pointer, volume_parts given) : parts(std::move(given)), here(*parts.here) {
    here.clients = parts.device->clients(); // Of those that came and went meanwhile nobody was told.
    if (here.clients == 0 && !here.announced)
      end();
    else if (here.run.value == 0)
      begin(parts.program);
  }

  volume_actor::behavior_type make_behavior() {
    return {
        [this](attach_atom) {
          if (here.clients++ == 0 && !here.announced)
            begin(parts.program);
        },
        [this](detach_atom) {
          if (here.clients > 0 && --here.clients == 0 && !here.announced)
            end();
        },
        [this](begin_atom, const std::string& program) -> caf::result<run_id> {
          end();
          here.announced = true;
          begin(program.empty() ? parts.program : program);
          return here.run;
        },
        [this](end_atom) -> caf::result<run_id> {
          if (here.run.value == 0)
            return fail(errc::not_found);
          const auto ended = here.run;
          end();
          here.announced = false;
          return ended;
        },
        [this](caf::get_atom) { return here.clients; },
    };
  }

  void begin(const std::string& program) {
    // A run is named by when it began, so that names stay unique over restarts.
    here.run = {
        std::max<std::uint64_t>(static_cast<std::uint64_t>(parts.time->wall().ns), here.last_run + 1)};
    here.last_run = here.run.value;
    parts.device->set_run(here.run);
    const run_begun what{parts.device->id(), here.run, program, here.announced};
    parts.others->tell<vm_actor>({role::vm, what.volume.value}, what);
    if (const auto& image = parts.device->image())
      parts.others->tell<predictor_actor>({role::predictor, image->id.value}, what);
  }

  void end() {
    if (here.run.value == 0)
      return;
    parts.others->tell<vm_actor>({role::vm, parts.device->id().value}, run_ended{{}, here.run});
    if (const auto& image = parts.device->image()) {
      parts.others->tell<predictor_actor>({role::predictor, image->id.value}, run_ended{image->id, here.run});
      parts.others->tell<prefetcher_actor>({role::prefetcher, 0}, run_ended{image->id, here.run});
    }
    here.run = {};
    parts.device->set_run(here.run);
  }

  volume_parts parts;
  presence& here;
};

} // namespace

volume_actor spawn_volume(caf::actor_system& system, volume_parts parts) {
  return system.spawn<volume_actor::stateful_impl<volume_state>>(std::move(parts));
}

} // namespace forerun::actors
