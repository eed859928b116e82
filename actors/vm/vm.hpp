#pragma once
#include "actors/common/protocols.hpp"

namespace forerun::actors {

/// Knows who is behind a volume (vm, program, user, run), and passes on what it touched: to the log, the
/// models, the image and the tiers.
vm_actor spawn_vm(caf::actor_system& system, identity who, image_id image, std::shared_ptr<directory> others);

} // namespace forerun::actors
