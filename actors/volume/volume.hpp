#pragma once
#include "actors/common/protocols.hpp"
#include "runtime/volume/device.hpp"

namespace forerun::actors {

/// What runs. Outlives the actor, so that one that is restarted goes on with it; the actor alone reads and
/// writes it.
struct open_run {
  bool announced = false; ///< The open run was begun by `run begin`, and ends by `run end`.
  run_id run{};
  std::uint64_t last_run = 0;
};

struct volume_parts {
  std::shared_ptr<volume::device> device;
  std::string program; ///< What runs on it, unless a run says otherwise.
  std::shared_ptr<directory> others;
  const clock* time = nullptr;
  std::shared_ptr<open_run> now = std::make_shared<open_run>();
};

/// Knows when a volume is in use: a run lasts from the first client's attach to the last one's detach, or as
/// `forerun run begin|end` says.
volume_actor spawn_volume(caf::actor_system& system, volume_parts parts);

} // namespace forerun::actors
