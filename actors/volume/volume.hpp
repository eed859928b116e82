#pragma once
#include "actors/common/protocols.hpp"
#include "runtime/volume/device.hpp"

namespace forerun::actors {

struct volume_parts {
  std::shared_ptr<volume::device> device;
  std::string program; ///< What runs on it, unless a run says otherwise.
  std::shared_ptr<directory> others;
  const clock* time = nullptr;
};

/// Knows when a volume is in use: a run lasts from the first client's attach to the last one's detach, or as
/// `forerun run begin|end` says.
volume_actor spawn_volume(caf::actor_system& system, volume_parts parts);

} // namespace forerun::actors
