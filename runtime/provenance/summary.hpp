#pragma once
#include "runtime/provenance/sealed.hpp"
#include "runtime/provenance/segment.hpp"

namespace forerun::provenance {

/// What is told of one segment that was dropped.
struct dropped_segment {
  std::uint32_t number = 0;
  std::optional<fault_kind> damage; ///< What did not hold when it was dropped; it may have held more then.
  std::uint64_t bytes = 0;
  std::uint64_t records = 0; ///< That could be read.
  wall_time first{};         ///< Of these; both zero if there are none.
  wall_time last{};
  sha256_hash head{}; ///< Of its last link.

  bool operator==(const dropped_segment&) const = default;
};

/// Of all segments that were ever dropped.
struct dropped_totals {
  std::uint32_t segments = 0;
  std::uint32_t damaged = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  wall_time first{}; ///< Both zero while there are no records.
  wall_time last{};

  bool operator==(const dropped_totals&) const = default;
};

/// Stands in the place of the segments that retention dropped: the chain begins behind it. The file
/// `provenance.dropped`.
struct summary {
  static constexpr std::size_t entries_max = 1024; ///< Older segments are in the totals only.

  chain kept; ///< The chain where the first kept segment begins.
  wall_time written{};
  dropped_totals totals;
  std::vector<dropped_segment> latest; ///< The last that were dropped, oldest first.

  void add(const dropped_segment& it);
};

struct signed_summary {
  summary what;
  ed25519_key key{};
};

inline constexpr const char* summary_name = "provenance.dropped";

/// Errors: as `signer::sign`.
result<std::vector<std::byte>> encode(const summary& it, const signer& by);
/// Errors: `corrupt` (not what was signed, or not by `key` if one is given), `unsupported` (another version).
result<signed_summary> decode_summary(std::span<const std::byte> bytes,
                                      const std::optional<ed25519_key>& key);
/// Nothing when no segment was ever dropped. Errors: also `io_failed`.
result<std::optional<signed_summary>> read_summary(disk& from, const std::optional<ed25519_key>& key);

} // namespace forerun::provenance
