#pragma once
#include "runtime/base/ids.hpp"
#include "runtime/base/residency.hpp"
#include "runtime/store/block_cache.hpp"
#include "runtime/store/overlay.hpp"
#include "runtime/volume/block_map.hpp"
#include "runtime/volume/pool.hpp"
#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

namespace forerun::volume {

/// What every thread may know of an image: where its clean blocks are. Blocks of an image are shared by all
/// volumes on it.
class image_plane final : public residency {
public:
  image_plane(image_id which, std::uint64_t size, pool& l1, std::shared_ptr<store::block_cache> l2)
      : id(which), bytes(size), map(blocks_of(size)), memory(l1), disk(std::move(l2)) {}

  bool local(std::uint64_t block) const { return map.at(block).slot().has_value() || disk->present(block); }
  bool absent(std::uint64_t block) const override {
    const auto word = map.at(block);
    return !word.slot() && !word.in_flight() && !disk->present(block);
  }
  /// Copies a local block; false when it is not local (any more). For threads other than I/O threads.
  bool copy(std::uint64_t block, std::span<std::byte, block_bytes> into) const {
    if (const auto slot = map.at(block).slot();
        slot && memory.copy(*slot, into, [&] { return map.at(block).slot() == slot; }))
      return true;
    return disk->present(block) && disk->read({block, 1}, into);
  }
  std::uint64_t blocks() const override { return map.blocks(); }

  using overlays = std::vector<std::shared_ptr<const store::overlay>>;
  /// A volume on the image comes or goes. Any thread.
  void attach(std::shared_ptr<const store::overlay> volume) {
    std::lock_guard guard{mutex_};
    auto next = std::make_shared<overlays>(*volumes_);
    next->push_back(std::move(volume));
    volumes_ = std::move(next);
  }
  void detach(const store::overlay& volume) {
    std::lock_guard guard{mutex_};
    auto next = std::make_shared<overlays>(*volumes_);
    std::erase_if(*next, [&](const auto& each) { return each.get() == &volume; });
    volumes_ = std::move(next);
  }
  /// Those of now: asked for with every plan, changed seldom, so it is replaced and never altered.
  std::shared_ptr<const overlays> volumes() const {
    std::lock_guard guard{mutex_};
    return volumes_;
  }

  const image_id id;
  const std::uint64_t bytes; ///< What lies past it, up to the volume's size, reads as zeroes.
  block_map map;             ///< L1.
  pool& memory;              ///< Of the node.
  const std::shared_ptr<store::block_cache> disk; ///< L2.

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const overlays> volumes_ = std::make_shared<overlays>();
};

/// What is worth moving: an absent block that every volume has written over is of no use to anybody.
class useful_blocks final : public residency {
public:
  explicit useful_blocks(const image_plane& plane) : plane_(plane), volumes_(plane.volumes()) {}
  bool absent(std::uint64_t block) const override {
    return plane_.absent(block) &&
           (volumes_->empty() || std::ranges::any_of(*volumes_, [&](const auto& each) {
              return each->state(block) == store::block_state::absent;
            }));
  }
  std::uint64_t blocks() const override { return plane_.blocks(); }

private:
  const image_plane& plane_;
  const std::shared_ptr<const image_plane::overlays> volumes_;
};

} // namespace forerun::volume
