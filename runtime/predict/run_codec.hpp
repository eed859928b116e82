#pragma once
#include "runtime/base/extent.hpp"
#include "runtime/base/result.hpp"
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// How one finished run is kept: its extents in order of first touch, a few bytes each.
namespace forerun::predict {

/// Blocks that a run touched for the first time together, in its order.
struct touch {
  extent where{};
  /// The program's own time since the run began, in units of 0.1 ms: time during which it waited for no read,
  /// so that a slow origin does not stretch it.
  std::uint32_t think = 0;
  bool operator==(const touch&) const = default;
};

inline constexpr std::uint32_t think_units_per_ms = 10;
/// Later moments count as this one (1.8 hours of the program's own time); 32 of them still add up in 32 bits.
inline constexpr std::uint32_t think_max = 1u << 26;
/// Block numbers end here, so that no sum overflows.
inline constexpr std::uint64_t block_number_max = std::uint64_t{1} << 52;

/// Per extent: zigzag varint start minus the last end, varint blocks minus one, varint think delta. `think`
/// must not decrease.
std::vector<std::byte> encode_run(std::span<const touch> touches);

/// Fails with `corrupt` on anything that `encode_run` cannot have written: more than `blocks_max` blocks, an
/// empty or huge extent, a block twice, bytes left over.
result<std::vector<touch>> decode_run(std::span<const std::byte> bytes, std::size_t blocks_max);

} // namespace forerun::predict
