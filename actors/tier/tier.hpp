#pragma once
#include "actors/common/protocols.hpp"
#include "actors/common/recorder.hpp"
#include "runtime/volume/tiers.hpp"
#include <span>

namespace forerun::actors {

/// The places of the two tiers in the directory.
inline constexpr std::uint32_t tier_memory = 0;
inline constexpr std::uint32_t tier_disk = 1;

/// Takes blocks out of what a tier is made of.
class tier_store {
public:
  virtual ~tier_store() = default;
  /// The keys are out of this tier from now on.
  virtual volume::dropped drop(std::span<const cache::cache_key> keys) = 0;
};

struct tier_config {
  cache::policy_kind policy = cache::policy_kind::s3_fifo;
  std::uint64_t blocks_max = 0;                  ///< Resident blocks; past it victims go.
  nanos protect_for = std::chrono::seconds{600}; ///< Prefetched blocks stay so long, unless they are read.
};

/// Blocks that one message to an image names at most.
inline constexpr std::size_t eviction_batch_max = 1024;

/// Knows what is resident in one cache tier, and decides what leaves it.
tier_actor spawn_tier(caf::actor_system& system, tier_config config, std::shared_ptr<tier_store> store,
                      std::shared_ptr<directory> others, recorder log = {});

} // namespace forerun::actors
