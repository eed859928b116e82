#pragma once
#include "runtime/base/extent.hpp"
#include <absl/container/flat_hash_map.h>
#include <array>
#include <cstdint>
#include <memory>

namespace forerun::predict {

/// Which blocks were read and which were asked for, and how densely, in zones of 16 MiB that are made when
/// they are first touched (1.7 KiB each, 5.7 KiB if blocks of it were asked for).
class neighbourhood_map {
public:
  static constexpr std::uint32_t region_blocks = 64;
  static constexpr std::uint32_t zone_blocks = 4096;
  static constexpr std::size_t zones_max = 1024; ///< 16 GiB, 6 MiB; blocks beyond are not remembered.

  /// What a read changed.
  struct read_effect {
    std::uint32_t fresh = 0; ///< Blocks that were not read before.
    std::uint32_t asked = 0; ///< Of those, blocks that had been asked for.
    std::uint32_t own = 0;   ///< Of these, by the neighbourhood itself.
    float doubt = 0;         ///< Sum of the asked ones' doubts.
  };

  struct zone {
    std::array<std::uint64_t, zone_blocks / region_blocks> read{};
    std::array<std::uint64_t, zone_blocks / region_blocks> asked{};
    std::array<std::uint64_t, zone_blocks / region_blocks> own{};     ///< Of the asked ones.
    std::array<std::uint8_t, zone_blocks / region_blocks> requests{}; ///< Stays at 255.
    /// Of asked blocks: how unlikely they were to be read, as 1/255. Made with the first one.
    std::unique_ptr<std::array<std::uint8_t, zone_blocks>> doubts;
    std::uint16_t blocks = 0;
    std::uint16_t all_requests = 0; ///< Stays at 65535.
  };

  /// The zone of a block, null if nothing was touched there.
  const zone* find(std::uint64_t block) const {
    const auto found = zones_.find(block / zone_blocks);
    return found == zones_.end() ? nullptr : found->second.get();
  }
  read_effect add_read(extent where);
  /// Returns how many of the blocks were neither read nor asked for before.
  std::uint32_t add_asked(extent where, float doubt, bool own);
  /// The 64 bits of the blocks from `region` * 64 on.
  std::uint64_t read_bits(std::uint64_t region) const;
  bool was_asked(std::uint64_t block) const;
  std::uint8_t requests(std::uint64_t region) const;

  void clear() {
    zones_.clear();
    doubted_ = 0;
  }
  std::size_t memory_bytes() const { return zones_.size() * (sizeof(zone) + 32) + doubted_ * zone_blocks; }

private:
  /// Made if needed; null at `zones_max`.
  zone* make(std::uint64_t block);
  /// The bits of [first, end), which lie in one region.
  static std::uint64_t mask(std::uint64_t first, std::uint64_t end) {
    const auto count = end - first;
    return (count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1) << (first % region_blocks);
  }

  absl::flat_hash_map<std::uint64_t, std::unique_ptr<zone>> zones_;
  std::size_t doubted_ = 0; ///< Zones with doubts.
};

} // namespace forerun::predict
