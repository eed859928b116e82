#pragma once
#include "runtime/base/access.hpp"
#include <cstdint>
#include <string>
#include <string_view>

/// The provenance log: what was read, written and removed, by whom, in an order that cannot be changed
/// unnoticed. docs/formats/provenance.md describes the files byte by byte.
namespace forerun::provenance {

/// Who acts. Each string has at most `name_bytes_max` bytes, UTF-8 by custom.
struct agent {
  std::string vm;
  std::string program;
  std::string user;
  std::uint64_t node = 0; ///< The node that saw it.

  bool operator==(const agent&) const = default;
};

/// What the accesses of one batch have in common.
struct context {
  agent by{};
  run_id run{};
  element_kind kind = element_kind::block;
  std::uint32_t space = 0; ///< Where the elements live; for blocks, the volume.

  bool operator==(const context& other) const {
    return space == other.space && run == other.run && kind == other.kind && by == other.by; // Names last.
  }
  template <class H> friend H AbslHashValue(H state, const context& it) {
    return H::combine(std::move(state), it.by.vm, it.by.program, it.by.user, it.by.node, it.run.value,
                      static_cast<std::uint8_t>(it.kind), it.space);
  }
};

/// One access as the log keeps it.
struct record {
  std::uint64_t position = 0; ///< Its number in the log, from 0; survives everything.
  wall_time at{};
  nanos latency{0}; ///< Kept in whole microseconds.
  extent where{};   ///< For kinds other than blocks: the first element and how many.
  std::uint32_t bytes = 0;
  operation op = operation::read;
  outcome how = outcome::none;
  digest written{};          ///< All zero: not recorded.
  std::uint64_t version = 0; ///< Of the element, as its source counts; 0: it does not.
  std::string value;         ///< What was read or written, if it is short; empty: not recorded.

  bool operator==(const record&) const = default;
};

/// What only some accesses have.
struct detail {
  std::uint64_t version = 0;
  std::string_view value; ///< Longer ones than `value_bytes_max` are kept as their digest.
};

inline constexpr std::size_t name_bytes_max = 255;
inline constexpr std::size_t value_bytes_max = 128;
/// Elements are numbered below this, so that no range can wrap around.
inline constexpr std::uint64_t element_limit = std::uint64_t{1} << 62;

} // namespace forerun::provenance
