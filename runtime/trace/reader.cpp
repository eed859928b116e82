#include "runtime/trace/reader.hpp"
#include "runtime/base/names.hpp"
#include "runtime/trace/layout.hpp"
#include "runtime/trace/text.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace forerun::trace {

std::string_view to_string(format what) {
  switch (what) {
  case format::block:
    return "block";
  case format::kv:
    return "kv";
  case format::events:
    return "events";
  case format::sql:
    return "sql";
  case format::requests:
    return "requests";
  case format::pods:
    return "pods";
  case format::blkparse:
    return "blkparse";
  case format::fio:
    return "fio";
  case format::msr:
    return "msr";
  case format::spc:
    return "spc";
  case format::vscsi:
    return "vscsi";
  case format::libcachesim:
    return "libcachesim";
  case format::columns:
    return "columns";
  }
  return "unknown";
}

reader::reader(reader_options options) : options_(options), format_(options.as) {
  if (options_.columns) {
    format_ = format::columns;
    map_ = *options_.columns;
  } else if (format_) {
    map_ = map_of(*format_);
  }
}

result<void> reader::feed(std::string_view piece, sink to) {
  while (!piece.empty()) {
    const auto end = piece.find('\n');
    const auto part = piece.substr(0, end);
    piece.remove_prefix(end == std::string_view::npos ? piece.size() : end + 1);
    too_long_ = too_long_ || rest_.size() + part.size() > options_.limits.line_bytes_max;
    if (end != std::string_view::npos && rest_.empty() && !too_long_) {
      if (auto taken = take(part, to); !taken)
        return taken;
      continue;
    }
    if (!too_long_)
      rest_ += part;
    if (end == std::string_view::npos)
      break;
    auto taken = take(rest_, to);
    rest_.clear();
    too_long_ = false;
    if (!taken)
      return taken;
  }
  return success();
}

result<void> reader::end(sink to) {
  if (rest_.empty() && !too_long_)
    return success();
  auto taken = take(rest_, to);
  rest_.clear();
  too_long_ = false;
  return taken;
}

void reader::broken(std::string why) {
  ++rows_broken_;
  if (problems_.size() < options_.limits.problems_max)
    problems_.push_back({lines_, std::move(why)});
}

result<void> reader::take(std::string_view line, sink to) {
  ++lines_;
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  if (line.empty() && !too_long_)
    return success();
  if (!std::exchange(begun_, true)) {
    const auto header = take_header(line);
    if (!header)
      return header.error();
    if (header.value())
      return success();
  }
  if (too_long_) {
    broken(fmt::format("longer than {} bytes", options_.limits.line_bytes_max));
    return success();
  }
  if (auto why = parse(line, to); !why.empty())
    broken(std::move(why));
  else
    ++rows_;
  return success();
}

/// True if the line is a header; then it says where the columns are.
result<bool> reader::take_header(std::string_view line) {
  const auto refuse = [this](std::string why) {
    refusal_ = std::move(why);
    return errc::invalid_argument;
  };
  if (line.starts_with('{')) {
    if (format_.value_or(format::sql) != format::sql)
      return refuse("JSON lines are queries");
    format_ = format::sql;
    return line.starts_with("{\"_\"");
  }
  (void)split(line, cells_, unpacked_);
  if (take_shape(line))
    return refusal_.empty() ? result<bool>(header_) : result<bool>(errc::invalid_argument);
  for (unsigned each = 0; each <= static_cast<unsigned>(format_last); ++each) {
    const auto what = static_cast<format>(each);
    const auto wanted = columns_of(what);
    std::size_t found = 0;
    for (const auto& column : wanted) {
      const auto at = std::find(cells_.begin(), cells_.end(), column.name);
      if (at == cells_.end())
        break;
      columns_[found++] = static_cast<std::size_t>(at - cells_.begin());
    }
    if (wanted.empty() || found < wanted.size())
      continue;
    if (format_.value_or(what) != what)
      return refuse(fmt::format("its columns are those of {}", to_string(what)));
    format_ = what;
    columns_least_ = *std::max_element(columns_.begin(), columns_.begin() + found) + 1;
    return true;
  }
  if (!format_)
    return refuse("its first line names the columns of no known format: " + quoted(line));
  const auto wanted = columns_of(*format_);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    columns_[i] = wanted[i].place;
    columns_least_ = std::max(columns_least_, wanted[i].place + 1);
  }
  return false;
}

/// Empty, or what is wrong with the line.
std::string reader::parse(std::string_view line, sink to) {
  if (*format_ == format::sql)
    return parse_query(line, to);
  if (*format_ == format::blkparse)
    return parse_blkparse(line, to);
  if (*format_ == format::fio)
    return parse_fio(line, to);
  if (!split(line, cells_, unpacked_))
    return "a quote that is not closed, or too many columns: " + quoted(line);
  if (cells_.size() < columns_least_)
    return fmt::format("{} columns where {} are needed: {}", cells_.size(), columns_least_, quoted(line));
  switch (*format_) {
  case format::block:
    return parse_block(to);
  case format::kv:
    return parse_kv(to);
  case format::events:
    return parse_event(to);
  case format::requests:
    return parse_request(to);
  case format::pods:
    return parse_pod(to);
  case format::msr:
  case format::spc:
  case format::vscsi:
  case format::libcachesim:
  case format::columns:
    return parse_mapped(to);
  case format::blkparse:
  case format::fio:
  case format::sql:
    break;
  }
  return {};
}

std::string reader::time(std::string_view text, std::int64_t unit_ns, row& into) const {
  const auto unit = options_.ordinal ? 1 : unit_ns;
  if (!number(text, INT64_MAX / 4 / unit, into.at_ns) || into.at_ns < 0)
    return "no time: " + quoted(text);
  into.at_ns *= unit;
  into.timed = !options_.ordinal;
  return {};
}

std::string reader::name(std::string_view text, std::string_view& into) const {
  if (text.size() > options_.limits.name_bytes_max)
    return fmt::format("a name of more than {} bytes", options_.limits.name_bytes_max);
  into = text;
  return {};
}

std::string reader::label(std::string_view text, std::string_view& into) const {
  if (text.size() > options_.limits.label_bytes_max || (!text.empty() && !is_label(text)))
    return "no label: " + quoted(text);
  into = text;
  return {};
}

std::string reader::size(std::string_view text, std::uint32_t& into) {
  if (!text.empty() && !number(text, UINT32_MAX, into))
    return "no size, or past 4 GiB: " + quoted(text);
  return {};
}

} // namespace forerun::trace
