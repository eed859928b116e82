#include "apps/cli/when.hpp"
#include "runtime/base/date_time.hpp"
#include "runtime/base/units.hpp"
#include <chrono>
#include <optional>

namespace forerun::cli {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

/// So many digits at the front, taken away.
std::optional<int> number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits ||
      text.substr(0, digits).find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  int value = 0;
  for (const auto c : text.substr(0, digits))
    value = value * 10 + (c - '0');
  text.remove_prefix(digits);
  return value;
}

bool sign(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos)
    return false;
  text.remove_prefix(1);
  return true;
}

/// The fraction of a second, if there is one.
std::optional<std::int64_t> fraction(std::string_view& text) {
  std::int64_t ns = 0;
  if (!sign(text, "."))
    return ns;
  auto unit = second_ns;
  std::size_t digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits)
    ns += (unit /= 10) * (text.front() - '0');
  return digits > 0 ? std::optional{ns} : std::nullopt;
}

/// What is added to UTC at the place of the writer.
std::optional<std::int64_t> offset_seconds(std::string_view& text) {
  if (sign(text, "Zz"))
    return 0;
  const bool west = !text.empty() && text.front() == '-';
  if (!sign(text, "+-"))
    return std::nullopt;
  const auto hours = number(text, 2);
  if (!hours || *hours > 23 || !sign(text, ":"))
    return std::nullopt;
  const auto minutes = number(text, 2);
  if (!minutes || *minutes > 59)
    return std::nullopt;
  return (west ? -1 : 1) * (*hours * 3600 + *minutes * 60);
}

std::optional<wall_time> parse_date(std::string_view text) {
  const auto year = number(text, 4);
  if (!year || !sign(text, "-"))
    return std::nullopt;
  const auto month = number(text, 2);
  if (!month || !sign(text, "-"))
    return std::nullopt;
  const auto day = number(text, 2);
  if (!day || !sign(text, "Tt "))
    return std::nullopt;
  const auto hour = number(text, 2);
  if (!hour || *hour > 23 || !sign(text, ":"))
    return std::nullopt;
  const auto minute = number(text, 2);
  if (!minute || *minute > 59 || !sign(text, ":"))
    return std::nullopt;
  const auto second = number(text, 2);
  const auto ns = fraction(text);
  const auto offset = offset_seconds(text);
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  // Nanoseconds in 63 bits reach from 1678 to 2261.
  if (!second || *second > 60 || !ns || !offset || !text.empty() || !date.ok() || *year < 1678 ||
      *year > 2261)
    return std::nullopt;
  const auto days = std::chrono::sys_days{date}.time_since_epoch().count();
  const auto seconds = std::int64_t{days} * 86400 + *hour * 3600 + *minute * 60 + *second - *offset;
  return wall_time{seconds * second_ns + *ns};
}

} // namespace

std::string when(wall_time at) {
  return date_time(at, second_digits::micro);
}

result<wall_time> parse_when(std::string_view text, wall_time now) {
  if (text.starts_with('-')) {
    const auto ago = parse_duration(text.substr(1));
    return ago ? result<wall_time>{wall_time{now.ns - ago.value().count()}} : ago.error();
  }
  const auto date = parse_date(text);
  return date ? result<wall_time>{*date} : errc::invalid_argument;
}

} // namespace forerun::cli
