#pragma once
#include "runtime/base/extent.hpp"
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>

namespace forerun::replay {

/// Fills in what a block of the untouched image holds. Called on the replay's thread.
using block_content = std::function<void(std::uint64_t block, std::span<std::byte, block_bytes> out)>;

inline constexpr std::uint32_t sector_bytes = 512;

/// What a comparison of data with the model found, in blocks.
struct verified {
  std::uint64_t blocks = 0;     ///< Compared.
  std::uint64_t mismatches = 0; ///< Of those, different.
  std::uint64_t unknown = 0;    ///< Touched but not compared whole: trimmed, so they may hold anything.
  std::uint64_t first_bad = 0;  ///< Block number of the first mismatch, if any.

  void add(const verified& more);
};

/// What a volume must hold after the writes of a replay: per sector the number of the write that was last.
/// The writes' data are patterns of their numbers, so nothing is stored but numbers: 40 bytes for each
/// written block.
class expected_volume {
public:
  /// `base` may be null: then untouched blocks count as `unknown`.
  expected_volume(block_content base, std::uint64_t seed);

  /// Takes note of a write and fills in its data. Offsets and lengths are whole sectors.
  void write(std::uint64_t offset, std::span<std::byte> data);
  void zero(std::uint64_t offset, std::uint64_t length);
  void trim(std::uint64_t offset, std::uint64_t length);

  verified compare(std::uint64_t offset, std::span<const std::byte> data) const;
  /// Whether a block has its untouched content, in part at least.
  bool untouched(std::uint64_t block) const;

private:
  static constexpr std::size_t sectors = block_bytes / sector_bytes;
  static constexpr std::uint32_t of_base = 0;
  static constexpr std::uint32_t of_zero = 1;
  static constexpr std::uint32_t of_trim = 2;
  using state = std::array<std::uint32_t, sectors>;

  void mark(std::uint64_t offset, std::uint64_t length, std::uint32_t number);
  bool same(std::uint64_t block, std::size_t from, std::span<const std::byte> part, bool& whole) const;

  block_content base_;
  std::uint64_t seed_;
  std::uint32_t last_ = of_trim;
  std::unordered_map<std::uint64_t, state> touched_;
};

} // namespace forerun::replay
