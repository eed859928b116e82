#pragma once
#include "actors/common/protocols.hpp"
#include "runtime/volume/planes.hpp"

namespace forerun::actors {

struct prefetcher_config {
  bool enabled = true;
  prefetch::scheduler_limits limits;
};

/// Decides what is moved, for all images of the node: predictions in, plans out, one scheduler for each
/// origin.
prefetcher_actor spawn_prefetcher(caf::actor_system& system, prefetcher_config config,
                                  std::shared_ptr<const volume::planes> images,
                                  std::shared_ptr<directory> others);

} // namespace forerun::actors
