#pragma once
#include <cstdint>

/// The payload of a block: strings, contexts, then columns. Each column is its id (1 byte), its codec (1
/// byte), its length (varint) and its bytes; ids ascend. A column that is not there is all zero; a reader
/// skips ids that it does not know.
namespace forerun::provenance {

enum class column_id : std::uint8_t {
  context = 1,  ///< Index into the contexts.
  time = 2,     ///< Zigzag, difference in ns to the record before; of the first one, to 0.
  what = 3,     ///< Operation (bits 0–4), outcome (bits 5–7), bit 8 to 10: has a digest, value, version.
  first = 4,    ///< Zigzag, difference to the end of the record before of the same context; at first to 0.
  count = 5,    ///< Zigzag, number of elements minus the blocks that `bytes` fill.
  bytes = 6,    ///< Twice the number of 512-byte sectors; or twice the number of bytes plus 1.
  latency = 7,  ///< Microseconds.
  digest = 8,   ///< 16 bytes for each record whose `what` says so.
  value = 9,    ///< Length (varint) and so many bytes for each record whose `what` says so.
  version = 10, ///< Zigzag, difference to the version before, for each record whose `what` says so.
};
inline constexpr std::uint8_t number_columns = 7; ///< Columns 1 to 7 hold a number for every record.
inline constexpr std::uint8_t columns_known = 10;

enum class column_codec : std::uint8_t {
  plain = 0, ///< One varint for each record; columns 8 to 10: what is said there.
  runs = 1,  ///< Pairs of varints: a value, and for how many records in a row.
  zstd = 2,  ///< A zstd frame of what plain has. Only for values.
};

inline constexpr unsigned operation_bits = 5;
inline constexpr unsigned outcome_bits = 3;
inline constexpr std::uint64_t digest_flag = 1u << (operation_bits + outcome_bits);
inline constexpr std::uint64_t value_flag = digest_flag << 1;
inline constexpr std::uint64_t version_flag = digest_flag << 2;
inline constexpr std::uint64_t what_end = digest_flag << 3;
inline constexpr std::uint64_t sector_bytes = 512;
/// Longer latencies (35 years) are kept as this; their nanoseconds would not fit.
inline constexpr std::uint64_t latency_us_max = std::uint64_t{1} << 50;

/// What `count` is expected to be.
constexpr std::int64_t count_expected(std::uint32_t bytes) {
  return (std::int64_t{bytes} + 4095) / 4096;
}

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

/// Difference and sum that wrap around instead of overflowing: times come from outside.
constexpr std::int64_t wrapping_minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
constexpr std::int64_t wrapping_plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

} // namespace forerun::provenance
