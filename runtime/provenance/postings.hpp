#pragma once
#include "runtime/base/disk.hpp"
#include "runtime/base/ids.hpp"
#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <span>
#include <vector>

/// Which blocks of a segment touch an element: a sorted table of postings in pages. An element is found by
/// the hash of the group of neighbours that it is in, and by which of these are touched, from the first to
/// the last; so a table may name a block that does not touch it, and never leaves one out that does.
namespace forerun::provenance {

inline constexpr unsigned group_shift = 4; ///< 16 elements make a group.
inline constexpr unsigned group_hash_bits = 28;
/// Accesses of more groups are found under `wide_hash`, not under each group.
inline constexpr std::uint64_t groups_max = 32;

/// Hashes below are of whole spaces, and above of groups: a table whose first fence is above has no accesses
/// that are wider than `groups_max`, and nothing has to be read to know it.
inline constexpr std::uint32_t wide_hashes = 4096;

inline std::uint64_t place_hash(element_kind kind, std::uint32_t space, std::uint64_t group) {
  auto h = group * 0x9e3779b97f4a7c15u + (std::uint64_t{space} << 8 | static_cast<std::uint8_t>(kind));
  h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93u;
  h = (h ^ (h >> 29)) * 0xd6e8feb86659fd93u;
  return h;
}
inline std::uint32_t group_hash(element_kind kind, std::uint32_t space, std::uint64_t group) {
  return std::max(static_cast<std::uint32_t>(place_hash(kind, space, group) >> (64 - group_hash_bits)),
                  wide_hashes);
}
inline std::uint32_t wide_hash(element_kind kind, std::uint32_t space) {
  return static_cast<std::uint32_t>(place_hash(kind, space, ~std::uint64_t{0}) % wide_hashes);
}

/// Which of a group are touched: the first (upper four bits) to the last (lower four).
using group_part = std::uint8_t;
inline constexpr unsigned part_bits = 8;
inline constexpr group_part whole_group = 0x0f;
constexpr group_part part_of(std::uint64_t first, std::uint64_t last) {
  return static_cast<group_part>((first & 15) << 4 | (last & 15));
}
constexpr bool overlap(group_part a, group_part b) {
  return a >> 4 <= (b & 15) && b >> 4 <= (a & 15);
}
constexpr group_part joined(group_part a, group_part b) {
  return static_cast<group_part>(std::min(a >> 4, b >> 4) << 4 | std::max(a & 15, b & 15));
}

/// A posting as a number: from above the hash, the block in `block_bits`, the part of the group.
constexpr std::uint64_t posting(std::uint32_t hash, std::uint32_t block, unsigned block_bits,
                                group_part part) {
  return (std::uint64_t{hash} << block_bits | block) << part_bits | part;
}

/// A page: XXH3 of the rest, lower half (4 bytes); how many (2); Rice parameter k (1); 0 (1); the first
/// posting's hash and block (8). Then bits, low ones first: for each posting but the first the difference of
/// hash and block to the one before, less 1, as a Rice code: what is above k bits in unary (ones, then a
/// zero), then the k bits; 24 ones: 64 bits follow. And for each posting behind that the part of the group: 1
/// for the whole, or 0 and its 8 bits.
inline constexpr std::size_t posting_page_bytes = 1024;

/// Packs ascending postings into pages; those of one hash and block become one.
class posting_writer {
public:
  using sink = std::function<result<void>(std::span<const std::byte> page)>;
  posting_writer(unsigned block_bits, sink to) : block_bits_(block_bits), to_(std::move(to)) {}

  /// Errors: those of the sink.
  result<void> put(std::uint64_t key);
  result<void> finish();
  /// The first hash of each page.
  std::vector<std::uint32_t> fences;

private:
  result<void> write_page();

  unsigned block_bits_;
  sink to_;
  std::vector<std::uint64_t> keys_; ///< At most `held_max`.
  static constexpr std::size_t held_max = 8192;
};

/// The postings of one page. Errors: `corrupt`.
result<void> unpack_page(std::span<const std::byte> page, std::vector<std::uint64_t>& out);

/// A table that was written: pages in a file, or in memory. Any thread.
struct posting_table {
  std::shared_ptr<disk_file> file; ///< None: in `memory`.
  std::uint64_t at = 0;
  std::vector<std::byte> memory;
  std::vector<std::uint32_t> fences;
  unsigned block_bits = 0;

  /// Adds the blocks under a hash that touch a part of its group, ascending. Errors: `io_failed`, `corrupt`.
  result<void> find(std::uint32_t hash, group_part part, std::vector<std::uint32_t>& out) const;
  /// `find` will be asked for this hash soon.
  void will_find(std::uint32_t hash) const;
  /// The postings of a page. Errors: `io_failed`, `corrupt`.
  result<void> page(std::size_t number, std::vector<std::uint64_t>& out) const;

private:
  using page_bytes = std::array<std::byte, posting_page_bytes>;
  /// In the memory that is given, or in our own. Errors: `io_failed`, `corrupt`.
  result<std::span<const std::byte>> packed(std::size_t number, page_bytes& room) const;
  /// The first page that may have the hash; it has none if the page's own fence is above.
  std::size_t page_of(std::uint32_t hash) const;
};

} // namespace forerun::provenance
