#pragma once
#include <algorithm>
#include <cstdint>

namespace forerun {

/// The unit of accounting, in bytes. A block number counts these from the start of a volume or image.
inline constexpr std::uint32_t block_bytes = 4096;
inline constexpr unsigned block_shift = 12;

/// A run of blocks of one volume or image: the unit of transfer.
struct extent {
  std::uint64_t first = 0; ///< First block.
  std::uint32_t count = 0; ///< Blocks; 0 means empty.

  bool operator==(const extent&) const = default;

  constexpr std::uint64_t end() const { return first + count; }
  constexpr bool contains(std::uint64_t block) const { return block >= first && block < end(); }
  constexpr std::uint64_t bytes() const { return std::uint64_t{count} * block_bytes; }
};

/// Every block that the bytes [offset, offset + length) touch.
constexpr extent blocks_touched(std::uint64_t offset, std::uint64_t length) {
  if (length == 0)
    return {offset >> block_shift, 0};
  const auto first = offset >> block_shift;
  const auto last = (offset + length - 1) >> block_shift;
  return {first, static_cast<std::uint32_t>(last - first + 1)};
}

/// Every block that lies wholly inside the bytes [offset, offset + length).
constexpr extent blocks_inside(std::uint64_t offset, std::uint64_t length) {
  const auto first = (offset + block_bytes - 1) >> block_shift;
  const auto end = (offset + length) >> block_shift;
  return {first, end > first ? static_cast<std::uint32_t>(end - first) : 0};
}

/// How many blocks a space of so many bytes has; the last one may be short.
constexpr std::uint64_t blocks_of(std::uint64_t bytes) {
  return (bytes + block_bytes - 1) >> block_shift;
}

} // namespace forerun
