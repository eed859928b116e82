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

} // namespace

void append_json_line(std::string& to, const entry& it) {
  const auto& [who, what] = it;
  json line{json::layout::one_line};
  line.open_object()
      .field("position", what.position)
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
      .field("value_hex", value_hex(what.value))
      .close();
  (to += line.text()) += '\n';
}

std::string_view csv_heading() {
  return "position,time,time_ns,vm,program,user,node,run,kind,space,operation,first,count,bytes,outcome,"
         "latency_us,digest,version,value,value_hex\n";
}

void append_csv_line(std::string& to, const entry& it) {
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
  to += '\n';
}

} // namespace forerun::provenance
