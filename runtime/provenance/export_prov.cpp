#include "runtime/base/json.hpp"
#include "runtime/provenance/export_graph.hpp"
#include "runtime/provenance/export_text.hpp"
#include <fmt/format.h>

namespace forerun::provenance {
namespace {

/// A value with its type.
void typed(json& out, std::string_view name, std::string_view value, std::string_view type) {
  out.key(name).open_object().field("$", value).field("type", type).close();
}
/// Numbers of 64 bits are more than a JSON reader need keep.
void number(json& out, std::string_view name, std::uint64_t value) {
  typed(out, name, std::to_string(value), "xsd:unsignedLong");
}
void truth(json& out, std::string_view name, bool value) {
  typed(out, name, value ? "true" : "false", "xsd:boolean");
}
void text(json& out, std::string_view name, const std::string& value) {
  if (!value.empty())
    out.field(name, value);
}

void describe(json& out, const entity& it) {
  typed(out, "prov:type", "forerun:Version", "prov:QUALIFIED_NAME");
  out.field("forerun:kind", name_of(it.kind));
  number(out, "forerun:space", it.space);
  text(out, "forerun:elements", it.where.count == 0 ? "all" : range_of(it.where));
  text(out, "prov:label", it.name);
  if (!it.made)
    return;
  number(out, "forerun:position", it.made->position);
  number(out, "forerun:bytes", it.made->bytes);
  if (it.made->version != 0)
    number(out, "forerun:version", it.made->version);
  text(out, "forerun:digest", text_of(it.made->written));
  text(out, "prov:value", it.made->value);
  if (it.made->op == operation::remove)
    truth(out, "forerun:removed", true);
}

void describe(json& out, const activity& it) {
  typed(out, "prov:type", "forerun:Run", "prov:QUALIFIED_NAME");
  number(out, "forerun:run", it.run.value);
}

void describe(json& out, const party& it) {
  constexpr std::string_view types[] = {"forerun:Machine", "prov:SoftwareAgent", "prov:Person"};
  typed(out, "prov:type", types[static_cast<std::size_t>(it.role)], "prov:QUALIFIED_NAME");
  out.field("prov:label", it.name);
}

template <class Kind> void all_of(json& out, std::string_view name, const graph& from) {
  out.key(name).open_object();
  for (std::size_t i = 0; i < from.nodes.size(); ++i)
    if (const auto* it = std::get_if<Kind>(&from.nodes[i])) {
      out.key(id_of(*it)).open_object();
      describe(out, *it);
      if (i == 0)
        truth(out, "forerun:graphComplete", from.complete);
      out.close();
    }
  out.close();
}

/// The names that PROV-JSON has for the ends of an edge.
std::pair<std::string_view, std::string_view> ends_of(relation what) {
  switch (what) {
  case relation::used:
    return {"prov:activity", "prov:entity"};
  case relation::generated:
  case relation::invalidated:
    return {"prov:entity", "prov:activity"};
  case relation::associated:
    return {"prov:activity", "prov:agent"};
  case relation::derived:
    break;
  }
  return {"prov:generatedEntity", "prov:usedEntity"};
}

/// Relations of one kind, each with a blank name.
class relations {
public:
  relations(json& out, std::string_view name) : out_(out), name_(name) { out.key(name).open_object(); }
  relations(const relations&) = delete;
  relations& operator=(const relations&) = delete;
  ~relations() { out_.close(); }
  json& begin() { return out_.key(fmt::format("_:{}{}", name_, ++count_)).open_object(); }

private:
  json& out_;
  std::string_view name_;
  std::size_t count_ = 0;
};

void edges_of(json& out, relation what, const graph& from) {
  relations all{out, to_string(what)};
  const auto [first, second] = ends_of(what);
  for (const auto& it : from.edges) {
    if (it.what != what)
      continue;
    all.begin().field(first, id_of(from.nodes[it.from])).field(second, id_of(from.nodes[it.to]));
    if (what == relation::used || what == relation::generated || what == relation::invalidated)
      out.field("prov:time", date_time(it.at));
    if (what == relation::used)
      text(out, "forerun:elements", range_of(it.where));
    if (what != relation::associated)
      number(out, "forerun:position", it.position);
    out.close();
  }
}

/// An entity is attributed to all whom the activity that generated it is associated with.
void attributions(json& out, const graph& from) {
  relations all{out, "wasAttributedTo"};
  std::vector<std::vector<std::uint32_t>> agents(from.nodes.size());
  for (const auto& it : from.edges)
    if (it.what == relation::associated)
      agents[it.from].push_back(it.to);
  for (const auto& it : from.edges)
    if (it.what == relation::generated)
      for (const auto agent : agents[it.to])
        all.begin()
            .field("prov:entity", id_of(from.nodes[it.from]))
            .field("prov:agent", id_of(from.nodes[agent]))
            .close();
}

} // namespace

std::string to_prov_json(const graph& what) {
  json out;
  out.open_object();
  out.key("prefix").open_object().field("forerun", "urn:forerun:provenance:").close();
  all_of<entity>(out, "entity", what);
  all_of<activity>(out, "activity", what);
  all_of<party>(out, "agent", what);
  for (const auto it :
       {relation::used, relation::generated, relation::invalidated, relation::associated, relation::derived})
    edges_of(out, it, what);
  attributions(out, what);
  return out.close().text();
}

} // namespace forerun::provenance
