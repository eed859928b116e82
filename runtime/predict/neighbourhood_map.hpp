#pragma once
#include "runtime/base/extent.hpp"
#include <absl/container/flat_hash_map.h>
#include <array>
#include <cstdint>
#include <memory>

namespace forerun::predict {

/// Which blocks were read and which were asked for, and how densely, in zones of 16 MiB that are made when
/// they are first touched (1.2 KiB each).
class neighbourhood_map {
public:
  static constexpr std::uint32_t region_blocks = 64;
  static constexpr std::uint32_t zone_blocks = 4096;
  static constexpr std::size_t zones_max = 4096; ///< 64 GiB; blocks beyond are not remembered. 5 MiB.

  struct zone {
    std::array<std::uint64_t, zone_blocks / region_blocks> read{};
    std::array<std::uint64_t, zone_blocks / region_blocks> asked{};
    std::array<std::uint8_t, zone_blocks / region_blocks> requests{}; ///< Stays at 255.
    std::uint16_t blocks = 0;
    std::uint16_t all_requests = 0; ///< Stays at 65535.
  };

  /// The zone of a block, null if nothing was touched there.
  const zone* find(std::uint64_t block) const {
    const auto found = zones_.find(block / zone_blocks);
    return found == zones_.end() ? nullptr : found->second.get();
  }
  /// Returns how many of the blocks were not read before; `asked_before` are those of them that were asked
  /// for.
  std::uint32_t add_read(extent where, std::uint32_t& asked_before);
  /// Returns how many of the blocks were neither read nor asked for before.
  std::uint32_t add_asked(extent where);
  /// The 64 bits of the blocks from `region` * 64 on.
  std::uint64_t read_bits(std::uint64_t region) const;
  std::uint8_t requests(std::uint64_t region) const;

  void clear() { zones_.clear(); }
  std::size_t memory_bytes() const { return zones_.size() * (sizeof(zone) + 32); }

private:
  /// Made if needed; null at `zones_max`.
  zone* make(std::uint64_t block);
  /// The bits of [first, end), which lie in one region.
  static std::uint64_t mask(std::uint64_t first, std::uint64_t end) {
    const auto count = end - first;
    return (count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1) << (first % region_blocks);
  }

  absl::flat_hash_map<std::uint64_t, std::unique_ptr<zone>> zones_;
};

} // namespace forerun::predict
