#pragma once
#include "runtime/cache/policy.hpp"
#include "runtime/volume/planes.hpp"
#include <span>
#include <vector>

namespace forerun::volume {

/// What became of blocks that were to leave a tier.
struct dropped {
  std::vector<cache::cache_key> gone; ///< They were in it.
  std::vector<cache::cache_key>
      unread; ///< They were prefetched, never read, and are in no tier any more: waste.
};

/// Takes blocks out of memory (L1).
dropped drop_from_memory(const planes& images, pool& memory, const epochs& readers,
                         std::span<const cache::cache_key> keys);

/// The same for the local disk (L2).
dropped drop_from_disk(const planes& images, std::span<const cache::cache_key> keys);

} // namespace forerun::volume
