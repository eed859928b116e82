#include "runtime/base/units.hpp"
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace forerun {
namespace {

struct unit {
  std::string_view name;
  double factor;
};

constexpr double kib = 1024;
constexpr std::array byte_units{
    unit{"", 1},
    unit{"B", 1},
    unit{"K", kib},
    unit{"KiB", kib},
    unit{"M", kib* kib},
    unit{"MiB", kib* kib},
    unit{"G", kib* kib* kib},
    unit{"GiB", kib* kib* kib},
    unit{"T", kib* kib* kib* kib},
    unit{"TiB", kib* kib* kib* kib},
    unit{"kB", 1e3},
    unit{"MB", 1e6},
    unit{"GB", 1e9},
    unit{"TB", 1e12},
};

constexpr std::array time_units{
    unit{"ns", 1},  unit{"us", 1e3},   unit{"\u00b5s", 1e3}, unit{"ms", 1e6},
    unit{"s", 1e9}, unit{"min", 60e9}, unit{"h", 3600e9},    unit{"d", 86400e9},
};

/// A number without sign or exponent, spaces, and a unit out of `units`; in the unit that has factor 1.
template <class Units> result<std::int64_t> parse(std::string_view text, const Units& units) {
  double value = 0;
  const auto* end = text.data() + text.size();
  if (text.empty() || text.front() < '0' || text.front() > '9')
    return errc::invalid_argument;
  const auto [rest, failed] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (failed != std::errc{})
    return errc::invalid_argument;
  std::string_view name(rest, static_cast<std::size_t>(end - rest));
  while (!name.empty() && name.front() == ' ')
    name.remove_prefix(1);
  for (const auto& known : units) {
    if (known.name != name)
      continue;
    // Whole numbers are exact beyond the 53 bits of a double.
    std::uint64_t whole = 0;
    const auto exact = std::from_chars(text.data(), end, whole);
    const auto scaled = value * known.factor;
    if (!(scaled < 9.2e18))
      return errc::invalid_argument;
    if (exact.ptr == rest && exact.ec == std::errc{})
      return static_cast<std::int64_t>(whole * static_cast<std::uint64_t>(known.factor));
    return static_cast<std::int64_t>(std::llround(scaled));
  }
  return errc::invalid_argument;
}

} // namespace

result<std::uint64_t> parse_bytes(std::string_view text) {
  const auto bytes = parse(text, byte_units);
  if (!bytes)
    return bytes.error();
  return static_cast<std::uint64_t>(bytes.value());
}

result<std::uint64_t> parse_rate(std::string_view text) {
  constexpr std::string_view unit = "bit";
  if (!text.ends_with(unit))
    return errc::invalid_argument;
  text.remove_suffix(unit.size());
  if (text.ends_with("k") || text.ends_with("M") || text.ends_with("G"))
    return parse_bytes(std::string(text) + "B"); // Decimal, as kB, MB and GB are.
  return parse_bytes(text);
}

result<nanos> parse_duration(std::string_view text) {
  if (text == "0")
    return nanos{0};
  const auto time = parse(text, time_units);
  if (!time)
    return time.error();
  return nanos{time.value()};
}

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1024)
    return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  std::string_view name;
  for (const std::string_view next : {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}) {
    value /= 1024;
    name = next;
    if (value < 1023.5)
      break;
  }
  return value < 9.95 ? fmt::format("{:.1f} {}", value, name) : fmt::format("{:.0f} {}", value, name);
}

std::string format_duration(nanos time) {
  const auto sign = time.count() < 0 ? "-" : "";
  const auto ns = std::abs(static_cast<double>(time.count()));
  if (ns == 0)
    return "0 s";
  if (ns < 1e3)
    return fmt::format("{}{:.0f} ns", sign, ns);
  for (const auto& known : {unit{"us", 1e3}, unit{"ms", 1e6}, unit{"s", 1e9}}) {
    const auto value = ns / known.factor;
    if (value < 10)
      return fmt::format("{}{:.2f} {}", sign, value, known.name);
    if (value < 100)
      return fmt::format("{}{:.1f} {}", sign, value, known.name);
    if (value < 999.5 && known.factor < 1e9)
      return fmt::format("{}{:.0f} {}", sign, value, known.name);
  }
  const auto seconds = static_cast<std::uint64_t>(ns / 1e9);
  if (seconds < 3600)
    return fmt::format("{}{} min {} s", sign, seconds / 60, seconds % 60);
  if (seconds < 86400)
    return fmt::format("{}{} h {} min", sign, seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}{} d {} h", sign, seconds / 86400, seconds / 3600 % 24);
}

} // namespace forerun
