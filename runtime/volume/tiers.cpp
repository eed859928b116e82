#include "runtime/volume/tiers.hpp"
#include <algorithm>

namespace forerun::volume {

namespace {

/// Calls `drop(plane, block)` for each key whose image is open; collects the keys that nobody has read and
/// that are in no tier any more.
template <class Drop>
std::vector<cache::cache_key> drop_each(const planes& images, std::span<const cache::cache_key> keys,
                                        Drop drop) {
  std::vector<cache::cache_key> unread;
  std::shared_ptr<image_plane> plane;
  for (const auto key : keys) {
    if (!plane || plane->id.value != key.owner())
      plane = images.find({key.owner()});
    if (!plane || key.block() >= plane->blocks())
      continue;
    drop(*plane, key.block());
    if (!plane->local(key.block()) && plane->map.at(key.block()).fresh())
      unread.push_back(key);
  }
  return unread;
}

} // namespace

std::vector<cache::cache_key> drop_from_memory(const planes& images, pool& memory, const epochs& readers,
                                               std::span<const cache::cache_key> keys) {
  std::vector<std::uint32_t> slots;
  auto unread = drop_each(images, keys, [&](image_plane& plane, std::uint64_t block) {
    if (const auto slot = plane.map.withdraw(block))
      slots.push_back(*slot);
  });
  memory.retire(slots, readers);
  return unread;
}

std::vector<cache::cache_key> drop_from_disk(const planes& images, std::span<const cache::cache_key> keys) {
  // Neighbours go together: a hole costs the file system the same whatever its length.
  std::vector<cache::cache_key> sorted{keys.begin(), keys.end()};
  std::ranges::sort(sorted, {}, &cache::cache_key::value);
  for (auto at = sorted.begin(); at != sorted.end();) {
    const auto first = *at;
    std::uint32_t count = 0;
    for (; at != sorted.end() && at->value == first.value + count; ++at)
      ++count;
    const auto plane = images.find({first.owner()});
    if (plane && first.block() < plane->blocks())
      plane->disk->drop({first.block(), static_cast<std::uint32_t>(std::min<std::uint64_t>(
                                            count, plane->blocks() - first.block()))});
  }
  return drop_each(images, sorted, [](image_plane&, std::uint64_t) {});
}

} // namespace forerun::volume
