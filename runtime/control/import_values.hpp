#pragma once
#include "runtime/base/access.hpp"
#include <cstdint>
#include <string>
#include <vector>

/// What a tool hands to the node from a recording: accesses that took place elsewhere, or at another time.
namespace forerun::control {

inline constexpr std::size_t import_entries_max = 1024; ///< Of one batch.
inline constexpr std::size_t import_contexts_max = 256; ///< Of one batch.
inline constexpr std::size_t import_value_bytes_max = 128;
/// Of one batch on its way, so that it stays below a request's limit.
inline constexpr std::size_t import_bytes_max = 60u << 10;
/// Elements are numbered below this, as in the log.
inline constexpr std::uint64_t import_element_max = std::uint64_t{1} << 62;
/// Blocks of disks that are no volume of the node have a space with this bit; a volume's never has it.
inline constexpr std::uint32_t import_space_bit = std::uint32_t{1} << 31;

/// Who acted, and on what.
struct import_context {
  std::string vm; ///< Empty: not known, as the next two.
  std::string program;
  std::string user;
  element_kind kind = element_kind::block;
  std::uint32_t space = 0; ///< For blocks of a named volume the node sets it.
  bool operator==(const import_context&) const = default;
};

/// A piece of a recording, in its order.
struct import_batch {
  /// The volume whose blocks these are, and whose models learn them; empty: none.
  std::string volume;
  std::uint64_t run = 0; ///< As the node named it in its first answer; 0: this is the first batch.
  bool ends = false;     ///< The recording ends with this batch.
  std::vector<import_context> contexts;
  std::vector<access> entries; ///< Only `at`, `latency`, `where`, `bytes`, `op`, `how`, `written` travel.
  std::vector<std::uint16_t> context_of; ///< One for each entry: an index into `contexts`.
  std::vector<std::string> values;       ///< One for each entry; mostly empty.
  bool operator==(const import_batch&) const = default;
};

struct import_done {
  std::uint64_t run = 0;      ///< To be said with the next batch.
  std::uint64_t records = 0;  ///< Of this batch, in the log.
  std::uint64_t left_out = 0; ///< Of this batch: past the end of the volume.
  bool learns = false;        ///< A model of the volume's image follows the run.
  bool operator==(const import_done&) const = default;
};

} // namespace forerun::control
