#include "runtime/base/names.hpp"
#include "runtime/control/context_table.hpp"
#include "runtime/control/convert.hpp"
#include "runtime/control/words.hpp"

namespace forerun::control {
namespace {

using provenance::party_role;
using provenance::relation;

constexpr std::uint32_t nothing = ~std::uint32_t{0};

void write(wire::ElementVersion::Builder to, const asked_version& from) {
  to.setVolume(text(from.volume));
  to.setKind(static_cast<std::uint8_t>(from.of.kind));
  to.setSpace(from.of.space);
  to.setNumber(from.of.number);
  to.setBefore(from.before);
}

answer<asked_version> read(wire::ElementVersion::Reader from) {
  asked_version to{.of = {static_cast<element_kind>(from.getKind()), from.getSpace(), from.getNumber()},
                   .volume = text(from.getVolume()),
                   .before = from.getBefore()};
  if (to.of.number >= provenance::element_limit)
    return failure{errc::invalid_argument, "there is no element with so large a number",
                   "numbers of elements are below 2^62"};
  if (!to.volume.empty() && !is_volume_name(to.volume))
    return failure{errc::invalid_argument, "that is no name for a volume",
                   "`forerun volume list` shows those that there are"};
  return to;
}

template <class T> T limited(std::uint64_t asked, T usual, T most) {
  return asked == 0 ? usual : static_cast<T>(std::min<std::uint64_t>(asked, most));
}

void write(wire::GraphNode::Builder to, const provenance::entity& from) {
  auto version = to.initVersion();
  version.setKind(static_cast<std::uint8_t>(from.kind));
  version.setSpace(from.space);
  version.setFirst(from.where.first);
  version.setCount(from.where.count);
  version.setName(text(from.name));
  if (from.made)
    control::write(version.initMade(), *from.made);
}

void write(wire::GraphNode::Builder to, const provenance::activity& from) {
  auto run = to.initRun();
  run.setRun(from.run.value);
  run.setVm(text(from.vm));
  run.setProgram(text(from.program));
  run.setUser(text(from.user));
}

void write(wire::GraphNode::Builder to, const provenance::party& from) {
  switch (from.role) {
  case party_role::vm:
    to.setVm(text(from.name));
    break;
  case party_role::program:
    to.setProgram(text(from.name));
    break;
  case party_role::user:
    to.setUser(text(from.name));
    break;
  }
}

provenance::node read(wire::GraphNode::Reader from) {
  switch (from.which()) {
  case wire::GraphNode::VERSION: {
    const auto version = from.getVersion();
    provenance::entity to{static_cast<element_kind>(version.getKind()),
                          version.getSpace(),
                          {version.getFirst(), version.getCount()},
                          std::nullopt,
                          text(version.getName())};
    if (version.hasMade())
      to.made = control::read(version.getMade());
    return to;
  }
  case wire::GraphNode::RUN: {
    const auto run = from.getRun();
    return provenance::activity{
        {run.getRun()}, text(run.getVm()), text(run.getProgram()), text(run.getUser())};
  }
  case wire::GraphNode::VM:
    return provenance::party{party_role::vm, text(from.getVm())};
  case wire::GraphNode::PROGRAM:
    return provenance::party{party_role::program, text(from.getProgram())};
  case wire::GraphNode::USER:
    return provenance::party{party_role::user, text(from.getUser())};
  }
  return provenance::entity{};
}

} // namespace

void write(wire::GraphQuestion::Builder to, const graph_question& from) {
  to.setWhat(static_cast<wire::GraphQuestion::What>(from.what));
  write(to.initOf(), from.of);
  if (from.what == graph_search::path)
    write(to.initFrom(), from.from);
  to.setNodesMax(static_cast<std::uint32_t>(std::min(from.limits.nodes_max, graph_nodes_most)));
  to.setRecordsMax(from.limits.records_max);
  to.setDepthMax(static_cast<std::uint32_t>(std::min(from.limits.depth_max, graph_depth_most)));
}

answer<graph_question> read(wire::GraphQuestion::Reader from) {
  graph_question to{.what = known(from.getWhat(), graph_search_last), .of = {}, .from = {}, .limits = {}};
  for (auto [end, wire] : {std::pair{&to.of, from.getOf()}, std::pair{&to.from, from.getFrom()}}) {
    auto version = read(wire);
    if (auto* why = std::get_if<1>(&version))
      return std::move(*why);
    *end = std::move(std::get<0>(version));
  }
  auto& limits = to.limits;
  limits.nodes_max = limited(from.getNodesMax(), limits.nodes_max, graph_nodes_most);
  limits.edges_max = limits.nodes_max * graph_edges_per_node;
  limits.depth_max = limited(from.getDepthMax(), limits.depth_max, graph_depth_most);
  limits.records_max = limited(from.getRecordsMax(), limits.records_max, graph_records_most);
  return to;
}

void write(wire::Graph::Builder to, const provenance::graph& from) {
  auto nodes = to.initNodes(static_cast<capnp::uint>(from.nodes.size()));
  for (capnp::uint i = 0; i < nodes.size(); ++i)
    std::visit([&](const auto& it) { write(nodes[i], it); }, from.nodes[i]);
  auto edges = to.initEdges(static_cast<capnp::uint>(from.edges.size()));
  for (capnp::uint i = 0; i < edges.size(); ++i) {
    const auto& it = from.edges[i];
    edges[i].setFrom(it.from);
    edges[i].setTo(it.to);
    edges[i].setWhat(static_cast<wire::GraphEdge::Relation>(it.what));
    edges[i].setPosition(it.position);
    edges[i].setAtNs(it.at.ns);
    edges[i].setFirst(it.where.first);
    edges[i].setCount(it.where.count);
    edges[i].setRecords(it.records);
  }
  to.setComplete(from.complete);
  to.setRecords(from.records);
}

provenance::graph read(wire::Graph::Reader from) {
  provenance::graph to{.complete = from.getComplete(), .records = from.getRecords()};
  for (auto each : from.getNodes()) {
    if (to.nodes.size() == graph_nodes_most)
      break;
    to.nodes.push_back(read(each));
  }
  for (auto each : from.getEdges()) {
    if (to.edges.size() == graph_nodes_most * graph_edges_per_node)
      break;
    if (each.getFrom() < to.nodes.size() && each.getTo() < to.nodes.size())
      to.edges.push_back({.from = each.getFrom(),
                          .to = each.getTo(),
                          .what = known(each.getWhat(), relation::derived),
                          .position = each.getPosition(),
                          .at = {each.getAtNs()},
                          .where = {each.getFirst(), each.getCount()},
                          .records = each.getRecords()});
  }
  return to;
}

void write(wire::Origins::Builder to, const provenance::read_origins& from) {
  std::vector<const provenance::entry*> entries;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> by_position;
  const auto index_of = [&](const provenance::entry& what) {
    const auto [found, added] =
        by_position.try_emplace(what.what.position, static_cast<std::uint32_t>(entries.size()));
    if (added)
      entries.push_back(&what);
    return found->second;
  };
  auto reads = to.initReads(static_cast<capnp::uint>(from.reads.size()));
  for (capnp::uint i = 0; i < reads.size(); ++i) {
    const auto& it = from.reads[i];
    reads[i].setRead(index_of(it.read));
    reads[i].setName(text(it.name));
    auto parts = reads[i].initParts(static_cast<capnp::uint>(it.parts.size()));
    for (capnp::uint j = 0; j < parts.size(); ++j) {
      parts[j].setFirst(it.parts[j].where.first);
      parts[j].setCount(it.parts[j].where.count);
      parts[j].setMade(it.parts[j].made ? index_of(*it.parts[j].made) : nothing);
    }
  }
  const context_table table(entries.size(),
                            [&](std::size_t i) -> const provenance::context& { return entries[i]->who; });
  auto contexts = to.initContexts(static_cast<capnp::uint>(table.contexts.size()));
  for (capnp::uint i = 0; i < contexts.size(); ++i)
    write(contexts[i], *table.contexts[i]);
  auto records = to.initRecords(static_cast<capnp::uint>(entries.size()));
  for (capnp::uint i = 0; i < records.size(); ++i) {
    write(records[i], entries[i]->what);
    records[i].setContext(table.of_row[i]);
  }
  to.setComplete(from.complete);
  to.setFromPosition(from.from_position);
}

provenance::read_origins read(wire::Origins::Reader from) {
  std::vector<provenance::context> contexts;
  for (auto each : from.getContexts()) {
    if (contexts.size() == origin_records_max + origin_reads_max)
      break;
    contexts.push_back(read(each));
  }
  std::vector<std::shared_ptr<const provenance::entry>> entries;
  for (auto each : from.getRecords()) {
    if (entries.size() == origin_records_max + origin_reads_max)
      break;
    const auto index = each.getContext();
    entries.push_back(std::make_shared<const provenance::entry>(
        index < contexts.size() ? contexts[index] : provenance::context{}, read(each)));
  }
  provenance::read_origins to{
      .reads = {}, .complete = from.getComplete(), .from_position = from.getFromPosition()};
  for (auto each : from.getReads()) {
    if (to.reads.size() == origin_reads_max)
      break;
    if (each.getRead() >= entries.size())
      continue;
    auto& read_one = to.reads.emplace_back();
    read_one.read = *entries[each.getRead()];
    read_one.name = text(each.getName());
    for (auto part : each.getParts())
      read_one.parts.push_back({{part.getFirst(), part.getCount()},
                                part.getMade() < entries.size() ? entries[part.getMade()] : nullptr});
  }
  return to;
}

} // namespace forerun::control
