#include "runtime/base/json.hpp"
#include "runtime/provenance/export_graph.hpp"
#include "runtime/provenance/export_text.hpp"
#include <fmt/format.h>

namespace forerun::provenance {
namespace {

/// Any bytes as part of a qualified name: what is not a letter, digit, "_" or "-" as %XX.
std::string escaped(std::string_view bytes) {
  std::string out;
  for (const char it : bytes) {
    const auto plain = (it >= 'a' && it <= 'z') || (it >= 'A' && it <= 'Z') || (it >= '0' && it <= '9') ||
                       it == '_' || it == '-';
    if (plain)
      out += it;
    else
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(it));
  }
  return out;
}

std::string id_of(const entity& it) {
  return fmt::format("forerun:{}/{}/{}@{}", name_of(it.kind), it.space,
                     it.where.count == 0 ? "all" : range_of(it.where),
                     it.made ? std::to_string(it.made->position) : "start");
}
std::string id_of(const activity& it) {
  return fmt::format("forerun:run/{}/{}/{}/{}", it.run.value, escaped(it.vm), escaped(it.program),
                     escaped(it.user));
}
std::string id_of(const party& it) {
  return fmt::format("forerun:agent/{}/{}", to_string(it.role), escaped(it.name));
}

} // namespace

std::string id_of(const node& it) {
  return std::visit([](const auto& what) { return id_of(what); }, it);
}

std::string to_json_lines(const graph& what) {
  std::string out;
  for (const auto& it : what.edges) {
    json line{json::layout::one_line};
    line.open_object()
        .field("relation", to_string(it.what))
        .field("from", id_of(what.nodes[it.from]))
        .field("to", id_of(what.nodes[it.to]));
    if (it.what != relation::associated)
      line.field("position", it.position)
          .field("time", date_time(it.at))
          .field("time_ns", it.at.ns)
          .field("first", it.where.first)
          .field("count", it.where.count)
          .field("records", it.records);
    (out += line.close().text()) += '\n';
  }
  return out;
}

std::string to_csv(const graph& what) {
  std::string out = "relation,from,to,position,time,time_ns,first,count,records\n";
  for (const auto& it : what.edges) {
    // Of a name, nothing but letters, digits and plain signs is left.
    fmt::format_to(std::back_inserter(out), "{},{},{},", to_string(it.what), id_of(what.nodes[it.from]),
                   id_of(what.nodes[it.to]));
    if (it.what == relation::associated)
      out += ",,,,,\n";
    else
      fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{}\n", it.position, date_time(it.at), it.at.ns,
                     it.where.first, it.where.count, it.records);
  }
  return out;
}

} // namespace forerun::provenance
