#pragma once
#include "actors/common/protocols.hpp"
#include "runtime/provenance/log.hpp"
#include "runtime/store/blocking_pool.hpp"

namespace forerun::actors {

struct provenance_config {
  /// What was observed is on stable storage after so long.
  nanos commit_every = std::chrono::seconds{1};
  /// What a strict volume observed is put there at once, but not more often than this: what comes in between
  /// goes together.
  nanos sync_pause = std::chrono::milliseconds{2};
  /// Strict records that could not be written are tried again after so long.
  nanos retry_pause = std::chrono::milliseconds{100};
  bool strict = false;  ///< The default of volumes, for those who ask.
  bool detached = true; ///< It waits for disks, so it has a thread of its own.
  /// Has the work done elsewhere and the log told what came of it; false: not now. Without it segments have
  /// no index, and questions take longer.
  std::function<bool(provenance::index_job)> make_index;
  provenance::retention keep;
  nanos retain_every = std::chrono::minutes{1}; ///< The log may be past its limits for so long.
  nanos anchor_every{0};                        ///< 0: never.
};

/// Keeps the node's log: appends what was observed, answers questions about it, and tells those who
/// subscribed. Records of strict volumes are held until they are on stable storage; while the log cannot be
/// written they stay here, in order, and their volumes' clients wait. Others are then counted and dropped.
/// The log and the workers outlive the actor.
provenance_actor spawn_provenance(caf::actor_system& system, provenance_config config, provenance::log& log,
                                  store::blocking_pool& workers);

} // namespace forerun::actors
