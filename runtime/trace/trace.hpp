#pragma once
#include "runtime/base/result.hpp"
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Recordings of what a guest asked of its disk.
namespace forerun::trace {

/// As in the recording: R, W, F, D (discard), Z (write zeroes).
enum class action : std::uint8_t { read, write, flush, trim, zero };

struct entry {
  std::uint64_t at_us = 0;  ///< Since the recording's start; never less than that of the entry before.
  std::uint64_t offset = 0; ///< Bytes; 0 for a flush.
  std::uint32_t length = 0; ///< Bytes; 0 for a flush, at least 1 for all others.
  std::uint16_t volume = 0; ///< Index in `boot_trace::volumes`.
  action what = action::read;
  bool operator==(const entry&) const = default;
};

struct trace_limits {
  std::size_t entries_max = 16'000'000;
  std::size_t volumes_max = 256;
  std::size_t volume_name_bytes_max = 256;
  std::uint32_t length_bytes_max = 32u << 20; ///< Of one request; NBD's usual limit.
  std::uint64_t offset_bytes_max = std::uint64_t{1} << 50;
  std::size_t problems_max = 8; ///< So many broken rows are described; all are counted.
};

/// A recording, in order. Rows that are broken are left out, counted and, the first of them, described.
struct boot_trace {
  std::vector<entry> entries;
  std::vector<std::string> volumes;
  std::uint64_t rows_broken = 0;
  std::uint64_t rows_disordered = 0; ///< Their time was before the row before; it was raised to that.
  std::vector<std::string> problems; ///< "row 17: no such operation 'Q'"

  /// The end of the furthest request; bytes.
  std::uint64_t bytes_needed() const;
};

/// Parses rows `ts_us,volume,op,offset_bytes,length_bytes`; a first row that begins with "ts_us" is the
/// header. Errors: `out_of_range` when there are more than `entries_max` good rows; `invalid_argument` when
/// there are rows and none is good.
result<boot_trace> parse(std::string_view text, const trace_limits& limits = {});

} // namespace forerun::trace
