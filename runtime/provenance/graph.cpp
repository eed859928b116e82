#include "runtime/provenance/boost_graph.hpp"
#include "runtime/provenance/graph_walk.hpp"
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/filtered_graph.hpp>
#include <boost/throw_exception.hpp>
#include <cstdlib>

namespace forerun::provenance {
namespace {

/// Those of the vertices, in this order, and all edges between them.
graph part_of(const boost_graph& from, const std::vector<std::uint32_t>& vertices) {
  graph out;
  std::vector<std::optional<std::uint32_t>> index(num_vertices(from));
  for (const auto it : vertices) {
    index[it] = static_cast<std::uint32_t>(out.nodes.size());
    out.nodes.push_back(from[it]);
  }
  for (const auto it : vertices)
    for (const auto& each : boost::make_iterator_range(out_edges(it, from)))
      if (const auto other = index[target(each, from)]) {
        auto kept = from[each];
        kept.from = *index[it];
        kept.to = *other;
        out.edges.push_back(kept);
      }
  return out;
}

/// The vertices that a shortest way of derivations from 0 to `last` needs.
std::vector<std::uint32_t> way_to(std::uint32_t last, const boost_graph& all) {
  const auto derivations =
      boost::make_filtered_graph(all, std::function<bool(boost_graph::edge_descriptor)>(
                                          [&](const auto& it) { return all[it].what == relation::derived; }));
  std::vector<boost_graph::vertex_descriptor> before(num_vertices(all));
  for (std::size_t i = 0; i < before.size(); ++i)
    before[i] = i;
  boost::breadth_first_search(derivations, boost_graph::vertex_descriptor{0},
                              boost::visitor(boost::make_bfs_visitor(
                                  boost::record_predecessors(before.data(), boost::on_tree_edge{}))));
  std::vector<std::uint32_t> entities{last};
  while (entities.back() != 0)
    entities.push_back(static_cast<std::uint32_t>(before[entities.back()]));
  std::reverse(entities.begin(), entities.end());
  auto needed = entities;
  const auto follow = [&](relation what) {
    const auto known = needed;
    for (const auto it : known)
      for (const auto& each : boost::make_iterator_range(out_edges(it, all)))
        if (const auto other = static_cast<std::uint32_t>(target(each, all));
            all[each].what == what && std::find(needed.begin(), needed.end(), other) == needed.end())
          needed.push_back(other);
  };
  follow(relation::generated);
  follow(relation::associated);
  return needed;
}

} // namespace

boost_graph as_boost(const graph& from) {
  boost_graph out(from.nodes.size());
  for (std::size_t i = 0; i < from.nodes.size(); ++i)
    out[i] = from.nodes[i];
  for (const auto& it : from.edges)
    add_edge(it.from, it.to, it, out);
  return out;
}

result<version_id> version_at(const record_source& from, const element& of, std::uint64_t before) {
  const auto made = writer_of(from, of, before);
  if (!made)
    return made.error();
  return version_id{of, made.value() ? std::optional{made.value()->what.position} : std::nullopt};
}

result<graph> ancestors(const record_source& from, const version_id& of, const graph_limits& limits) {
  return graph_walk{from, limits}.back(of);
}

result<graph> descendants(const record_source& from, const version_id& of, const graph_limits& limits) {
  return graph_walk{from, limits}.forth(of);
}

result<graph> path(const record_source& source, const version_id& from, const version_id& to,
                   const graph_limits& limits) {
  if (const auto there = maker_of(source, from); !there)
    return there.error();
  graph_walk walk{source, limits};
  auto all = walk.back(to, from);
  if (!all)
    return all;
  auto& found = all.value();
  const auto last = from == to ? std::optional<std::uint32_t>{0} : walk.met();
  graph out{.complete = found.complete, .records = found.records};
  if (last && !found.nodes.empty()) {
    out = part_of(as_boost(found), way_to(*last, as_boost(found)));
    out.records = found.records;
  }
  return out;
}

std::string_view to_string(relation what) {
  switch (what) {
  case relation::used:
    return "used";
  case relation::generated:
    return "wasGeneratedBy";
  case relation::invalidated:
    return "wasInvalidatedBy";
  case relation::associated:
    return "wasAssociatedWith";
  case relation::derived:
    return "wasDerivedFrom";
  }
  return "unknown";
}

std::string_view to_string(party_role role) {
  switch (role) {
  case party_role::vm:
    return "vm";
  case party_role::program:
    return "program";
  case party_role::user:
    return "user";
  }
  return "unknown";
}

} // namespace forerun::provenance

// Cores are built without exceptions; Boost then leaves to its user what it would have thrown (out of
// memory).
namespace boost {
void throw_exception(const std::exception&) {
  std::abort();
}
void throw_exception(const std::exception&, const source_location&) {
  std::abort();
}
} // namespace boost
