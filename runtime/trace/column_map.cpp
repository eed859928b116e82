#include "runtime/trace/column_map.hpp"
#include "runtime/trace/text.hpp"

namespace forerun::trace {
namespace {

constexpr std::uint32_t sector_bytes = 512;

std::optional<std::int64_t> time_unit(std::string_view name) {
  if (name == "s")
    return 1'000'000'000;
  if (name == "ms")
    return 1'000'000;
  if (name.empty() || name == "us")
    return 1000;
  if (name == "100ns")
    return 100;
  if (name == "ns")
    return 1;
  return std::nullopt;
}

bool size_unit(std::string_view name, std::uint32_t& into) {
  into = name == "sectors" ? sector_bytes : 1;
  return name.empty() || name == "bytes" || name == "sectors";
}

bool take_column(std::string_view text, column_map& into) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos)
    return false;
  const auto name = text.substr(0, equals);
  text.remove_prefix(equals + 1);
  const auto colon = text.find(':');
  const auto unit = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  std::size_t place = 0;
  if (!number(text.substr(0, colon), cells_max, place) || place == 0)
    return false;
  --place;
  if (name == "time") {
    into.time = place;
    const auto counts = time_unit(unit);
    into.time_unit_ns = counts.value_or(0);
    return counts.has_value();
  }
  if (name == "offset") {
    into.offset = place;
    return size_unit(unit, into.offset_unit);
  }
  if (name == "length" || name == "size") {
    into.length = place;
    return size_unit(unit, into.length_unit);
  }
  auto* const which = name == "volume" ? &into.volume
                      : name == "op"   ? &into.op
                      : name == "key"  ? &into.key
                                       : nullptr;
  if (which == nullptr || !unit.empty())
    return false;
  *which = place;
  return true;
}

} // namespace

result<column_map> parse_columns(std::string_view text) {
  column_map map;
  while (true) {
    const auto comma = text.find(',');
    if (!take_column(text.substr(0, comma), map))
      return errc::invalid_argument;
    if (comma == std::string_view::npos)
      break;
    text.remove_prefix(comma + 1);
  }
  if (map.disk() == map.key.has_value() || (map.offset && !map.disk()))
    return errc::invalid_argument;
  return map;
}

column_map map_of(format what) {
  switch (what) {
  case format::msr: // Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime
    return {.time = 0,
            .volume = 1,
            .volume_part = 2,
            .op = 3,
            .offset = 4,
            .length = 5,
            .latency = 6,
            .time_unit_ns = 100};
  case format::spc: // ASU,LBA,size,op,time
    return {.time = 4,
            .volume = 0,
            .op = 3,
            .offset = 1,
            .length = 2,
            .time_unit_ns = 1'000'000'000,
            .offset_unit = sector_bytes};
  case format::vscsi: // sn,len,nSG,cmd,ver,lbn,ts
    return {.time = 6, .op = 3, .offset = 5, .length = 1, .offset_unit = sector_bytes};
  case format::libcachesim: // time,object,size
    return {.time = 0, .length = 2, .key = 1, .time_unit_ns = 1'000'000'000};
  default:
    return {};
  }
}

} // namespace forerun::trace
