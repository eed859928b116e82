#pragma once
#include "actors/common/protocols.hpp"
#include "runtime/provenance/log.hpp"

namespace forerun::actors {

struct provenance_config {
  /// What was observed is on stable storage after so long.
  nanos commit_every = std::chrono::seconds{1};
  bool strict = false;
};

/// Keeps the node's log: appends what was observed, and answers questions about it. Detached: it waits for
/// disks. The log outlives the actor.
provenance_actor spawn_provenance(caf::actor_system& system, provenance_config config, provenance::log& log);

} // namespace forerun::actors
