#include "runtime/trace/text.hpp"
#include <chrono>
#include <cmath>

namespace forerun::trace {
namespace {

constexpr std::size_t quoted_bytes_max = 32; ///< Of foreign text in a message.
constexpr double seconds_max = 1e9;
constexpr std::int64_t second_ns = 1'000'000'000;

/// Takes a number of exactly so many digits from the front, and what must follow it.
bool take(std::string_view& text, std::size_t digits, unsigned& out, std::string_view then) {
  if (text.size() < digits || !number(text.substr(0, digits), 9999u, out))
    return false;
  text.remove_prefix(digits);
  if (then.empty())
    return true;
  if (text.empty() || then.find(text.front()) == std::string_view::npos)
    return false;
  text.remove_prefix(1);
  return true;
}

} // namespace

bool seconds(std::string_view text, std::int64_t& ns) {
  double value = 0;
  if (!number(text, seconds_max, value) || !(value >= 0))
    return false;
  ns = std::llround(value * static_cast<double>(second_ns));
  return true;
}

bool date(std::string_view text, std::int64_t& ns) {
  unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take(text, 4, year, "-") || !take(text, 2, month, "-") || !take(text, 2, day, ""))
    return false;
  if (!text.empty()) {
    text.remove_prefix(text.front() == ' ' || text.front() == 'T' ? 1 : 0);
    if (!take(text, 2, hour, ":") || !take(text, 2, minute, ":") || !take(text, 2, second, ""))
      return false;
    if (!text.empty() && text != "Z")
      return false;
  }
  const auto at = std::chrono::year{static_cast<int>(year)} / static_cast<int>(month) / static_cast<int>(day);
  // Nanoseconds have room for the years 1678 to 2261.
  if (!at.ok() || year < 1700 || year > 2200 || hour > 23 || minute > 59 || second > 60)
    return false;
  const auto days = std::chrono::sys_days{at}.time_since_epoch().count();
  ns = (days * std::int64_t{86400} + hour * 3600 + minute * 60 + second) * second_ns;
  return true;
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const auto c : text.substr(0, quoted_bytes_max))
    out += c >= ' ' && c <= '~' ? c : '?';
  return out + (text.size() > quoted_bytes_max ? "…'" : "'");
}

bool split(std::string_view line, std::vector<std::string_view>& cells, std::string& unpacked) {
  cells.clear();
  unpacked.clear();
  unpacked.reserve(line.size()); // Views into it stay where they are.
  while (cells.size() < cells_max) {
    if (!line.starts_with('"')) {
      const auto comma = line.find(',');
      cells.push_back(line.substr(0, comma));
      if (comma == std::string_view::npos)
        return true;
      line.remove_prefix(comma + 1);
      continue;
    }
    const auto begin = unpacked.size();
    for (line.remove_prefix(1); !line.empty(); line.remove_prefix(1)) {
      if (line.front() == '"') {
        if (!line.starts_with("\"\""))
          break;
        line.remove_prefix(1);
      }
      unpacked += line.front();
    }
    if (line.empty() || (line.size() > 1 && line[1] != ','))
      return false;
    cells.push_back(std::string_view{unpacked}.substr(begin));
    if (line.size() == 1)
      return true;
    line.remove_prefix(2);
  }
  return false;
}

} // namespace forerun::trace
