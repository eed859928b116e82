#include "runtime/trace/trace.hpp"
#include "runtime/trace/text.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace forerun::trace {
namespace {

constexpr std::size_t columns = 5;

/// The row's columns, or nothing when there are not exactly five.
bool split_five(std::string_view row, std::array<std::string_view, columns>& out) {
  for (std::size_t i = 0; i < columns; ++i) {
    const auto comma = row.find(',');
    const auto last = i + 1 == columns;
    if (last != (comma == std::string_view::npos))
      return false;
    out[i] = row.substr(0, comma);
    row.remove_prefix(last ? row.size() : comma + 1);
  }
  return true;
}

bool parse_action(std::string_view text, action& out) {
  constexpr std::string_view letters = "RWFDZ";
  const auto at = text.size() == 1 ? letters.find(text.front()) : std::string_view::npos;
  if (at == std::string_view::npos)
    return false;
  out = static_cast<action>(at);
  return true;
}

class reader {
public:
  explicit reader(const trace_limits& limits) : limits_(limits) {}

  /// Empty, or what is wrong with the row.
  std::string take(std::string_view row) {
    std::array<std::string_view, columns> cells;
    if (!split_five(row, cells))
      return fmt::format("not {} columns: {}", columns, quoted(row));
    entry made;
    if (!number(cells[0], std::uint64_t{INT64_MAX} / 1000, made.at_us))
      return "no time: " + quoted(cells[0]);
    if (!parse_action(cells[2], made.what))
      return "no such operation: " + quoted(cells[2]);
    if (!number(cells[3], limits_.offset_bytes_max, made.offset))
      return "no offset, or past the limit: " + quoted(cells[3]);
    if (!number(cells[4], limits_.length_bytes_max, made.length))
      return "no length, or past the limit: " + quoted(cells[4]);
    if (made.what == action::flush)
      made.offset = made.length = 0;
    else if (made.length == 0)
      return "a request without length";
    if (!volume(cells[1], made.volume))
      return "no name of a volume, or too many volumes: " + quoted(cells[1]);
    if (!out.entries.empty() && made.at_us < out.entries.back().at_us) {
      ++out.rows_disordered;
      made.at_us = out.entries.back().at_us;
    }
    out.entries.push_back(made);
    return {};
  }

  boot_trace out;

private:
  bool volume(std::string_view name, std::uint16_t& index) {
    const auto known = std::find(out.volumes.begin(), out.volumes.end(), name);
    index = static_cast<std::uint16_t>(known - out.volumes.begin());
    if (known != out.volumes.end())
      return true;
    if (name.empty() || name.size() > limits_.volume_name_bytes_max ||
        out.volumes.size() >= std::min<std::size_t>(limits_.volumes_max, UINT16_MAX))
      return false;
    out.volumes.emplace_back(name);
    return true;
  }

  const trace_limits& limits_;
};

} // namespace

std::uint64_t boot_trace::bytes_needed() const {
  std::uint64_t end = 0;
  for (const auto& each : entries)
    end = std::max(end, each.offset + each.length);
  return end;
}

result<boot_trace> parse(std::string_view text, const trace_limits& limits) {
  reader into(limits);
  std::uint64_t row_number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto row = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++row_number;
    if (row.ends_with('\r'))
      row.remove_suffix(1);
    if (row.empty() || (row_number == 1 && row.starts_with("ts_us,")))
      continue;
    if (into.out.entries.size() >= limits.entries_max)
      return errc::out_of_range;
    const auto wrong = into.take(row);
    if (wrong.empty())
      continue;
    ++into.out.rows_broken;
    if (into.out.problems.size() < limits.problems_max)
      into.out.problems.push_back(fmt::format("row {}: {}", row_number, wrong));
  }
  if (into.out.entries.empty() && into.out.rows_broken != 0)
    return errc::invalid_argument;
  return std::move(into.out);
}

} // namespace forerun::trace
