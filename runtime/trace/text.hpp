#pragma once
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// How the texts of recordings are read. None of these throws, whatever the text.
namespace forerun::trace {

/// All of the text is a number, and not above `max`.
template <class T> bool number(std::string_view text, T max, T& out) {
  const auto* end = text.data() + text.size();
  const auto [at, failed] = std::from_chars(text.data(), end, out);
  return failed == std::errc{} && at == end && out <= max;
}

/// Decimal seconds, e.g. "12" or "12.5", up to 10^9 of them, in nanoseconds.
bool seconds(std::string_view text, std::int64_t& ns);

/// "2010-05-27 20:08:16", with "T" and "Z" if you like, or the date alone; UTC. Nanoseconds since 1970.
bool date(std::string_view text, std::int64_t& ns);

/// Foreign text for a message: short, in quotes, and harmless on a terminal.
std::string quoted(std::string_view text);

inline constexpr std::size_t cells_max = 64; ///< Of one row.

/// The cells of a row of CSV (RFC 4180, without line ends in quotes). Quoted cells are unpacked into
/// `unpacked`, which the views then point into. False: a quote is not closed, or there are more than
/// `cells_max`.
bool split(std::string_view line, std::vector<std::string_view>& cells, std::string& unpacked);

} // namespace forerun::trace
