#include "runtime/provenance/export_records.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/utf8.hpp"
#include "runtime/provenance/export_text.hpp"
#include <fmt/format.h>

namespace forerun::provenance {
namespace {

/// Only of values that text would not bring over whole.
std::string value_hex(const std::string& value) {
  return is_utf8(value) ? std::string{}
                        : hex({reinterpret_cast<const std::uint8_t*>(value.data()), value.size()});
}

std::int64_t microseconds(nanos time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

void append_field(std::string& to, std::string_view text) {
  to += ',';
  const auto quoted = text.find_first_of(",\"\r\n") != text.npos;
  if (quoted)
    to += '"';
  while (!text.empty()) {
    const auto length = utf8_sequence(text);
    if (length == 0 || text.front() == '\0')
      to += utf8_replacement;
    else if (text.front() == '"')
      to += "\"\"";
    else
      to += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  if (quoted)
    to += '"';
}

void put_fields(json& to, const entry& it) {
  const auto& [who, what] = it;
  to.field("position", what.position)
      .field("time", date_time(what.at))
      .field("time_ns", what.at.ns)
      .field("vm", who.by.vm)
      .field("program", who.by.program)
      .field("user", who.by.user)
      .field("node", who.by.node)
      .field("run", who.run.value)
      .field("kind", name_of(who.kind))
      .field("space", who.space)
      .field("operation", to_string(what.op))
      .field("first", what.where.first)
      .field("count", what.where.count)
      .field("bytes", what.bytes)
      .field("outcome", to_string(what.how))
      .field("latency_us", microseconds(what.latency))
      .field("digest", text_of(what.written))
      .field("version", what.version)
      .field("value", what.value)
      .field("value_hex", value_hex(what.value));
}

/// In the order of `csv_columns`.
void append_fields(std::string& to, const entry& it) {
  const auto& [who, what] = it;
  auto out = std::back_inserter(to);
  fmt::format_to(out, "{},{},{}", what.position, date_time(what.at), what.at.ns);
  append_field(to, who.by.vm);
  append_field(to, who.by.program);
  append_field(to, who.by.user);
  fmt::format_to(out, ",{},{},{},{},{},{},{},{},{},{},{},{}", who.by.node, who.run.value, name_of(who.kind),
                 who.space, to_string(what.op), what.where.first, what.where.count, what.bytes,
                 to_string(what.how), microseconds(what.latency), text_of(what.written), what.version);
  append_field(to, what.value);
  append_field(to, value_hex(what.value));
}

constexpr std::string_view csv_columns[] = {"position",   "time",   "time_ns", "vm",    "program",
                                            "user",       "node",   "run",     "kind",  "space",
                                            "operation",  "first",  "count",   "bytes", "outcome",
                                            "latency_us", "digest", "version", "value", "value_hex"};

void append_columns(std::string& to, std::string_view prefix) {
  for (const auto& it : csv_columns)
    fmt::format_to(std::back_inserter(to), "{}{}{}", &it == csv_columns ? "" : ",", prefix, it);
}

} // namespace

void append_json_line(std::string& to, const entry& what) {
  json line{json::layout::one_line};
  line.open_object();
  put_fields(line, what);
  (to += line.close().text()) += '\n';
}

std::string csv_heading() {
  std::string out;
  append_columns(out, "");
  return out += '\n';
}

void append_csv_line(std::string& to, const entry& what) {
  append_fields(to, what);
  to += '\n';
}

void append_json_line(std::string& to, const read_origin& what) {
  json line{json::layout::one_line};
  line.open_object();
  put_fields(line, what.read);
  line.field("name", what.name).key("parts").open_array();
  for (const auto& it : what.parts) {
    line.open_object().field("first", it.where.first).field("count", it.where.count).key("writer");
    if (it.made) {
      line.open_object();
      put_fields(line, *it.made);
      line.close();
    } else {
      line.null();
    }
    line.close();
  }
  (to += line.close().close().text()) += '\n';
}

std::string origins_csv_heading() {
  std::string out;
  append_columns(out, "");
  out += ",name,part_first,part_count,";
  append_columns(out, "writer_");
  return out += '\n';
}

void append_csv_lines(std::string& to, const read_origin& what) {
  for (const auto& it : what.parts) {
    append_fields(to, what.read);
    append_field(to, what.name);
    fmt::format_to(std::back_inserter(to), ",{},{},", it.where.first, it.where.count);
    if (it.made)
      append_fields(to, *it.made);
    else
      to.append(std::size(csv_columns) - 1, ',');
    to += '\n';
  }
}

} // namespace forerun::provenance
