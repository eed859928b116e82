#pragma once
#include "runtime/base/result.hpp"
#include "runtime/trace/row.hpp"
#include <optional>
#include <string_view>

namespace forerun::trace {

/// Where the cells of a row stand, from 0, and what their numbers count. Either offset and length are there
/// (requests to a disk), or a key.
struct column_map {
  std::optional<std::size_t> time, volume, volume_part, op, offset, length, key, latency;
  std::int64_t time_unit_ns = 1000;
  std::uint32_t offset_unit = 1; ///< Bytes.
  std::uint32_t length_unit = 1;

  bool disk() const { return offset && length; }
};

/// "time=1:us,volume=2,op=3,offset=4:sectors,length=5": columns from 1. Times count s, ms, us (the default),
/// ns or 100ns; those of 100ns may be Windows' (since 1601). Offsets and lengths count bytes, or sectors of
/// 512. Without `op` all are reads; without `time` there are only numbers of requests; without `volume` there
/// is one. `key` instead of `offset` and `length`: touches of names. Errors: `invalid_argument`.
result<column_map> parse_columns(std::string_view text);

/// The columns of a format that is nothing but columns; without any for all others.
column_map map_of(format what);

} // namespace forerun::trace
