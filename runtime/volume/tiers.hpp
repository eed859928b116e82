#pragma once
#include "runtime/cache/policy.hpp"
#include "runtime/volume/planes.hpp"
#include <span>
#include <vector>

namespace forerun::volume {

/// Takes blocks out of memory (L1). Returns those that were prefetched, never read, and are on no disk
/// either.
std::vector<cache::cache_key> drop_from_memory(const planes& images, pool& memory, const epochs& readers,
                                               std::span<const cache::cache_key> keys);

/// The same for the local disk (L2).
std::vector<cache::cache_key> drop_from_disk(const planes& images, std::span<const cache::cache_key> keys);

} // namespace forerun::volume
