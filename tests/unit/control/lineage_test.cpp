#include "runtime/control/convert.hpp"
#include "tests/unit/control/asking.hpp"
#include <capnp/message.h>

using namespace forerun;
using namespace forerun::control;

namespace {

std::string name_of(std::uint64_t number) {
  auto name = std::to_string(number);
  return name + std::string(provenance::name_bytes_max - name.size(), 'x');
}

/// With the longest names and values that there can be.
provenance::entry wide_entry(std::uint64_t position) {
  provenance::entry made{.who = {.by = {name_of(position), name_of(position + 1), name_of(position + 2), 7},
                                 .run = {position},
                                 .kind = element_kind::key,
                                 .space = 5},
                         .what = {.position = position,
                                  .at = {-5},
                                  .where = {position, 2},
                                  .bytes = 77,
                                  .op = operation::write,
                                  .version = 3,
                                  .value = std::string(provenance::value_bytes_max, '\xff')}};
  made.what.written[3] = 1;
  return made;
}

/// As many nodes and edges as there may be.
provenance::graph widest_graph() {
  provenance::graph made{.complete = false, .records = 12};
  for (std::uint64_t i = 0; i < graph_nodes_most; ++i) {
    if (i % 2 == 0)
      made.nodes.emplace_back(
          provenance::entity{element_kind::key, 5, {i, 2}, wide_entry(i).what, name_of(i)});
    else
      made.nodes.emplace_back(provenance::activity{{i}, name_of(i), name_of(i + 1), name_of(i + 2)});
  }
  for (std::uint32_t i = 0; i < graph_nodes_most * graph_edges_per_node; ++i)
    made.edges.push_back({.from = i % 4096,
                          .to = (i + 1) % 4096,
                          .what = provenance::relation::used,
                          .position = i,
                          .at = {-7},
                          .where = {i, 3},
                          .records = 9});
  return made;
}

void same(const provenance::graph& got, const provenance::graph& expected) {
  CHECK(got.nodes == expected.nodes);
  CHECK(got.edges == expected.edges);
  CHECK(got.complete == expected.complete);
  CHECK(got.records == expected.records);
}

/// Reads of one record each, whose writers are all different.
provenance::read_origins wide_origins(std::uint64_t reads, std::uint64_t parts_each) {
  provenance::read_origins made;
  for (std::uint64_t i = 0; i < reads; ++i) {
    const auto position = (i + 1) * 100'000;
    auto& it = made.reads.emplace_back();
    it.read = wide_entry(position);
    it.name = name_of(position);
    for (std::uint64_t j = 0; j < parts_each; ++j)
      it.parts.push_back({{j, 1}, std::make_shared<const provenance::entry>(wide_entry(position - 1 - j))});
  }
  made.from_position = made.reads.front().read.what.position;
  return made;
}

} // namespace

TEST_CASE("the largest graph that may be asked for reaches the tool as it was drawn") {
  served_node served;
  served.node.drawn = widest_graph();
  auto tool = connected(served);
  same(value(tool.graph({})), served.node.drawn);
  same(value(tool.graph({})), served.node.drawn); // The first did not end the connection.

  served.node.drawn = {.nodes = {provenance::entity{element_kind::page, 9, {}, std::nullopt},
                                 provenance::party{provenance::party_role::vm, "v"},
                                 provenance::party{provenance::party_role::program, "p"},
                                 provenance::party{provenance::party_role::user, ""}},
                       .edges = {},
                       .complete = true};
  same(value(tool.graph({})), served.node.drawn);
}

TEST_CASE("a question about a version reaches the node as it was asked, within the limits") {
  served_node served;
  auto tool = connected(served);
  graph_question what{.what = graph_search::path,
                      .of = {.of = {element_kind::key, 5, provenance::element_limit - 1}, .before = 0},
                      .from = {.of = {element_kind::block, 0, 7}, .volume = "debian", .before = 99},
                      .limits = {.nodes_max = 7, .depth_max = 3, .records_max = 11}};
  value(tool.graph(what));
  const auto& got = served.node.asked_graph;
  CHECK(got.what == graph_search::path);
  CHECK(got.of == what.of);
  CHECK(got.from == what.from);
  CHECK(got.limits.nodes_max == 7);
  CHECK(got.limits.edges_max == 70);
  CHECK(got.limits.depth_max == 3);
  CHECK(got.limits.records_max == 11);

  what.limits = {.nodes_max = 1'000'000, .depth_max = 1'000'000, .records_max = ~std::uint64_t{0}};
  value(tool.graph(what));
  CHECK(got.limits.nodes_max == graph_nodes_most);
  CHECK(got.limits.edges_max == graph_nodes_most * graph_edges_per_node);
  CHECK(got.limits.depth_max == graph_depth_most);
  CHECK(got.limits.records_max == graph_records_most);

  what.limits = {.nodes_max = 0, .depth_max = 0, .records_max = 0};
  value(tool.graph(what));
  CHECK(got.limits.nodes_max == provenance::graph_limits{}.nodes_max);
  CHECK(got.limits.depth_max == provenance::graph_limits{}.depth_max);
  CHECK(got.limits.records_max == provenance::graph_limits{}.records_max);
}

TEST_CASE("a question about what cannot be is refused before it reaches the node") {
  served_node served;
  served.node.asked_graph.of.before = 77;
  auto tool = connected(served);
  CHECK(refused(tool.graph({.of = {.of = {.number = provenance::element_limit}}})) == errc::invalid_argument);
  CHECK(refused(tool.graph({.of = {.volume = "../x"}})) == errc::invalid_argument);
  CHECK(refused(tool.origins({.volume = "../x"}, 1)) == errc::invalid_argument);
  CHECK(served.node.asked_graph.of.before == 77);
  CHECK(refused(tool.graph({.of = {.volume = "other"}})) == errc::not_found);
}

TEST_CASE("a graph of a hostile node has no edge that ends nowhere") {
  capnp::MallocMessageBuilder words;
  auto graph = words.initRoot<wire::Graph>();
  graph.initNodes(2)[0].initVersion().initMade().setOperation(static_cast<wire::HistoryRow::Operation>(99));
  auto edges = graph.initEdges(3);
  edges[0].setTo(2);
  edges[1].setFrom(~std::uint32_t{0});
  edges[2].setTo(1);
  edges[2].setWhat(static_cast<wire::GraphEdge::Relation>(99));
  const auto got = read(graph.asReader());
  REQUIRE(got.nodes.size() == 2);
  REQUIRE(got.edges.size() == 1);
  CHECK(got.edges[0].what == provenance::relation::used);
  graph.initNodes(5000);
  CHECK(read(graph.asReader()).nodes.size() == graph_nodes_most);
}

TEST_CASE("who wrote what was read arrives as it was told, and each record travels once") {
  served_node served;
  auto& met = served.node.met;
  met = wide_origins(3, 4);
  met.complete = false;
  met.reads[1].parts[2].made = met.reads[0].parts[2].made;
  met.reads[2].parts[0].made = nullptr;
  auto tool = connected(served);
  const auto got = value(tool.origins({}, 5000));
  CHECK(served.node.asked_reads == origin_reads_max);
  CHECK_FALSE(got.complete);
  CHECK(got.from_position == met.from_position);
  REQUIRE(got.reads.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(got.reads[i].read == met.reads[i].read);
    CHECK(got.reads[i].name == met.reads[i].name);
    REQUIRE(got.reads[i].parts.size() == 4);
    for (std::size_t j = 0; j < 4; ++j) {
      const auto& [where, made] = got.reads[i].parts[j];
      const auto& expected = met.reads[i].parts[j].made;
      CHECK(where == met.reads[i].parts[j].where);
      REQUIRE((made == nullptr) == (expected == nullptr));
      if (made)
        CHECK(*made == *expected);
    }
  }
  capnp::MallocMessageBuilder words;
  write(words.initRoot<wire::Origins>(), met);
  CHECK(words.getRoot<wire::Origins>().getRecords().size() == 3 + 3 * 4 - 2);
}

TEST_CASE("origins that are too many for an answer lose the oldest reads, and the tool can go on there") {
  served_node served;
  auto& met = served.node.met;
  met = wide_origins(100, 90);
  const auto newest = met.reads.back().read;
  REQUIRE(fit(met));
  CHECK(met.reads.size() < 100);
  CHECK(met.reads.back().read == newest);
  CHECK_FALSE(met.complete);
  CHECK(met.from_position == met.reads.front().read.what.position);
  auto tool = connected(served);
  CHECK(value(tool.origins({}, 0)).reads.size() == met.reads.size());
  CHECK(value(tool.origins({}, 0)).reads.size() == met.reads.size());

  auto small = wide_origins(2, 2);
  REQUIRE(fit(small));
  CHECK(small.complete);
  CHECK(small.reads.size() == 2);

  auto large = wide_origins(2, 8000);
  CHECK(fit(large).error() == errc::overloaded);
}

TEST_CASE("reads of a hostile node that are not there are left out") {
  capnp::MallocMessageBuilder words;
  auto origins = words.initRoot<wire::Origins>();
  origins.initRecords(1)[0].setContext(9);
  auto reads = origins.initReads(2000);
  reads[0].setRead(1);
  reads[1].initParts(1)[0].setMade(1);
  const auto got = read(origins.asReader());
  REQUIRE(got.reads.size() == origin_reads_max);
  CHECK(got.reads[0].read.who == provenance::context{});
  REQUIRE(got.reads[0].parts.size() == 1);
  CHECK(got.reads[0].parts[0].made == nullptr);
}
