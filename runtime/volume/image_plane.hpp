#pragma once
#include "runtime/base/ids.hpp"
#include "runtime/base/residency.hpp"
#include "runtime/store/block_cache.hpp"
#include "runtime/volume/block_map.hpp"
#include "runtime/volume/pool.hpp"
#include <memory>

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

  const image_id id;
  const std::uint64_t bytes; ///< What lies past it, up to the volume's size, reads as zeroes.
  block_map map;             ///< L1.
  pool& memory;              ///< Of the node.
  const std::shared_ptr<store::block_cache> disk; ///< L2.
};

} // namespace forerun::volume
