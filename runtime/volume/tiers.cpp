#include "runtime/volume/tiers.hpp"
#include <algorithm>

namespace forerun::volume {

namespace {

/// Calls `drop(plane, block)` for each key whose image is open; true: it was there.
template <class Drop>
dropped drop_each(const planes& images, std::span<const cache::cache_key> keys, Drop drop) {
  dropped all;
  std::shared_ptr<image_plane> plane;
  for (const auto key : keys) {
    if (!plane || plane->id.value != key.owner())
      plane = images.find({key.owner()});
    if (!plane || key.block() >= plane->blocks())
      continue;
    if (drop(*plane, key.block()))
      all.gone.push_back(key);
    if (!plane->local(key.block()) && plane->map.at(key.block()).fresh())
      all.unread.push_back(key);
  }
  return all;
}

} // namespace

dropped drop_from_memory(const planes& images, pool& memory, const epochs& readers,
                         std::span<const cache::cache_key> keys) {
  std::vector<std::uint32_t> slots;
  auto all = drop_each(images, keys, [&](image_plane& plane, std::uint64_t block) {
    const auto slot = plane.map.withdraw(block);
    if (slot)
      slots.push_back(*slot);
    return slot.has_value();
  });
  memory.retire(slots, readers);
  return all;
}

dropped drop_from_disk(const planes& images, std::span<const cache::cache_key> keys) {
  // Neighbours go together: a hole costs the file system the same whatever its length.
  std::vector<cache::cache_key> sorted{keys.begin(), keys.end()};
  std::ranges::sort(sorted, {}, &cache::cache_key::value);
  auto gone = drop_each(images, sorted, [](image_plane& plane, std::uint64_t block) {
                return plane.disk->present(block);
              }).gone;
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
  auto all = drop_each(images, sorted, [](image_plane&, std::uint64_t) { return false; });
  all.gone = std::move(gone);
  return all;
}

} // namespace forerun::volume
