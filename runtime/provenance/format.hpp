#pragma once
#include "runtime/base/hash.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// The fixed parts of the files: names, segment headers, block headers.
namespace forerun::provenance {

inline constexpr std::uint16_t format_version = 2; ///< Earlier ones, from 1, are read too.

/// Limits of the format. A reader refuses what is past them before it allocates anything.
inline constexpr std::size_t payload_bytes_max = 4u << 20;
inline constexpr std::uint32_t block_records_max = 65536;
inline constexpr std::uint32_t block_contexts_max = 4096;
inline constexpr std::uint64_t segment_bytes_limit = 64u << 20;
inline constexpr std::uint32_t segment_number_max = 99'999'999;
/// Of the blocks and of the records before one that is read: counting on cannot wrap around.
inline constexpr std::uint64_t count_max = std::uint64_t{1} << 62;

/// Begins every segment file and is a link of the chain, as blocks are.
struct segment_header {
  static constexpr std::size_t bytes = 80;
  static constexpr std::uint16_t flag_after_damage = 1; ///< The segment before was damaged when this began.

  std::uint16_t flags = 0;
  std::uint32_t number = 0;         ///< As in the file's name.
  std::uint64_t first_sequence = 0; ///< Of the first block that follows.
  std::uint64_t first_position = 0; ///< Of the first record that follows.
  wall_time created{};
  sha256_hash predecessor{}; ///< SHA-256 of the last block (or header) before; zero in segment 0.

  bool operator==(const segment_header&) const = default;
};

struct block_header {
  static constexpr std::size_t bytes = 128;
  static constexpr std::uint16_t flag_clock_back = 1; ///< A time is ≥ 1 s before one recorded earlier.

  std::uint16_t flags = 0;
  std::uint32_t payload_bytes = 0;
  std::uint64_t payload_checksum = 0;
  std::uint64_t sequence = 0; ///< Number of the block in the log, from 0.
  std::uint64_t first_position = 0;
  std::uint32_t records = 0; ///< At least 1.
  std::uint32_t contexts = 0;
  wall_time time_min{};
  wall_time time_max{};
  std::uint64_t element_min = 0;
  std::uint64_t element_max = 0; ///< The last element that is touched.
  std::uint64_t durable = 0;     ///< So many blocks were known to be on stable storage before this one.
  sha256_hash predecessor{};     ///< SHA-256 of the block (or segment header) before.

  bool operator==(const block_header&) const = default;
};

void put(const segment_header& header, std::span<std::byte, segment_header::bytes> out);
void put(const block_header& header, std::span<std::byte, block_header::bytes> out);

/// Errors: `corrupt` (too short, wrong magic or checksum, a field past its limit), `unsupported` (the bytes
/// are intact but of another version).
result<segment_header> get_segment_header(std::span<const std::byte> bytes);
result<block_header> get_block_header(std::span<const std::byte> bytes);

/// The eight bytes that a block begins with.
std::span<const std::byte, 8> block_magic();

/// "provenance-00000042.log"
std::string segment_name(std::uint32_t number);
std::optional<std::uint32_t> segment_number(std::string_view name);
/// "provenance-00000042.idx": what may lie beside it and goes with it.
std::string index_name(std::uint32_t number);

} // namespace forerun::provenance
