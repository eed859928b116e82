#pragma once
#include "actors/common/protocols.hpp"
#include "actors/common/recorder.hpp"
#include "runtime/store/blocking_pool.hpp"
#include "runtime/volume/image_plane.hpp"

namespace forerun::actors {

struct image_config {
  nanos waste_horizon = std::chrono::seconds{600};
  std::size_t ledger_entries_max = 1u << 17; ///< Blocks whose reason is remembered: 512 MiB of prefetch.
  prefetch::fetch_limits fetches{};
};

/// What an image's actor works with; all of it outlives the actor.
struct image_parts {
  std::shared_ptr<volume::image_plane> plane;
  std::shared_ptr<origin::source> source;
  std::shared_ptr<directory> others;
  store::blocking_pool* workers = nullptr;
  recorder log{}; ///< Of prefetches.
};

/// Owns what is on its way from an image's origin: joins demand with prefetch, puts what arrives into the
/// tiers, answers those who wait, and keeps each prefetched block's reason until it is settled.
image_actor spawn_image(caf::actor_system& system, image_config config, image_parts parts);

} // namespace forerun::actors
