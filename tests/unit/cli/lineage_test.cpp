#include "apps/cli/element_words.hpp"
#include "runtime/provenance/export_graph.hpp"
#include "tests/unit/cli/run_line.hpp"
#include "tests/unit/control/fake_node.hpp"
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>

using namespace forerun;
using namespace forerun::cli;

namespace {

done ask(const control::served_node& served, std::vector<std::string> words) {
  return run_line(served.socket(), std::move(words));
}

provenance::record written(std::uint64_t position) {
  return {.position = position,
          .at = {1'700'000'000'123'456'789},
          .where = {7, 2},
          .bytes = 8192,
          .op = operation::write};
}

provenance::graph small_graph() {
  return {.nodes = {provenance::entity{element_kind::block, 2, {7, 2}, written(41), "d\x1b"},
                    provenance::activity{{9}, "vm-1", "g,c\x1b", "ann"},
                    provenance::party{provenance::party_role::user, "ann"}},
          .edges = {{.from = 0,
                     .to = 1,
                     .what = provenance::relation::generated,
                     .position = 41,
                     .at = {1'700'000'000'123'456'789},
                     .where = {7, 2},
                     .records = 1},
                    {.from = 1, .to = 2, .what = provenance::relation::associated}},
          .records = 5};
}

provenance::read_origins small_origins() {
  provenance::entry read{.who = {.by = {"vm-1", "ld", "ann", 0}, .run = {10}, .space = 2},
                         .what = {.position = 50, .at = {}, .where = {6, 2}, .bytes = 8192}};
  provenance::entry write{.who = {.by = {"vm-1", "gcc", "bob", 0}, .run = {9}, .space = 2},
                          .what = written(41)};
  return {.reads = {{read, {{{6, 1}, nullptr}, {{7, 1}, std::make_shared<const provenance::entry>(write)}}}},
          .complete = false,
          .from_position = 50};
}

} // namespace

TEST_CASE("an element is written in a word, with its version behind it") {
  const auto newest = control::asked_version{}.before;
  const auto block = parse_element("debian/77").value();
  CHECK(block.version == control::asked_version{.of = {.number = 77}, .volume = "debian"});
  CHECK(block.version.before == newest);
  CHECK(parse_element("debian/77@1041").value().version.before == 1042);
  CHECK(parse_element("debian/77@start").value().version.before == 0);
  CHECK(parse_element("debian/77@18446744073709551615").value().version.before == newest);
  const control::asked_version key{.of = {element_kind::key, 3, 5}, .volume = "", .before = 42};
  CHECK(parse_element("key/3/5@41").value().version == key);
  CHECK(parse_element("forerun:key/3/5@41").value().version == key);
  const auto named = parse_element("name:user/1@x.org@41").value();
  CHECK(named.name == "user/1@x.org");
  CHECK(named.version.before == 42);
  CHECK(parse_element("name:a@b").value().name == "a@b");
  for (const auto* wrong :
       {"", "debian", "debian/", "/7", "debian/-7", "debian/7x", "../7", "key/3/", "wing/3/5", "key/-3/5",
        "key/3/5/6", "name:", "debian/7@", "debian/7@now", "debian/4611686018427387904", "key/4294967296/1"})
    CHECK_MESSAGE(!parse_element(wrong).has_value(), wrong);
}

TEST_CASE("a graph comes in the form that was asked for") {
  control::served_node served;
  served.node.drawn = small_graph();
  const auto form = [&](const std::string& format) {
    const auto shown = ask(served, {"graph", "ancestors", "debian/7", "--format", format});
    CHECK(shown.code == exit_ok);
    CHECK(shown.err.empty());
    return shown.out;
  };
  CHECK(form("dot") == provenance::to_dot(served.node.drawn));
  CHECK(form("prov-json") == provenance::to_prov_json(served.node.drawn) + "\n");
  CHECK(form("jsonl") == provenance::to_json_lines(served.node.drawn));
  CHECK(form("csv") == provenance::to_csv(served.node.drawn));
  CHECK(
      form("table") ==
      "WHAT                 RELATION           TO WHAT       RECORD  TIME                         ELEMENTS\n"
      "block/2/7-8@41 (d?)  wasGeneratedBy     run 9 (g,c?)      41  2023-11-14T22:13:20.123456Z  7-8\n"
      "run 9 (g,c?)         wasAssociatedWith  user ann\n");
  CHECK(ask(served, {"graph", "ancestors", "debian/7", "--json"}).out == form("prov-json"));
}

TEST_CASE("what a graph is asked for reaches the node") {
  control::served_node served;
  served.node.drawn = small_graph();
  CHECK(ask(served, {"graph", "descendants", "key/3/5@41", "--nodes", "7", "--depth", "2", "--records", "9"})
            .code == exit_ok);
  const auto& asked = served.node.asked_graph;
  CHECK(asked.what == control::graph_search::descendants);
  CHECK(asked.of == control::asked_version{.of = {element_kind::key, 3, 5}, .volume = "", .before = 42});
  CHECK(asked.limits.nodes_max == 7);
  CHECK(asked.limits.depth_max == 2);
  CHECK(asked.limits.records_max == 9);
  CHECK(ask(served, {"graph", "path", "debian/1@3", "debian/2"}).code == exit_ok);
  CHECK(asked.what == control::graph_search::path);
  CHECK(asked.from.of.number == 1);
  CHECK(asked.from.before == 4);
  CHECK(asked.of.of.number == 2);
}

TEST_CASE("an element of a graph may be named") {
  control::served_node served;
  served.node.drawn = small_graph();
  provenance::entry birth{.who = {.kind = element_kind::key, .space = 3},
                          .what = {.where = {12, 1}, .op = operation::allocate, .value = "user:1"}};
  served.node.batches = {{.rows = {birth}, .ended = true}};
  CHECK(ask(served, {"graph", "ancestors", "name:user:1@8"}).code == exit_ok);
  CHECK(served.node.asked_graph.of ==
        control::asked_version{.of = {element_kind::key, 3, 12}, .volume = "", .before = 9});
  CHECK(ask(served, {"graph", "ancestors", "name:user:2"}).code == exit_failed);
}

TEST_CASE("a graph that is cut says so, and a way that is not there is a failure") {
  control::served_node served;
  served.node.drawn = small_graph();
  served.node.drawn.complete = false;
  auto shown = ask(served, {"graph", "ancestors", "debian/7"});
  CHECK(shown.code == exit_ok);
  CHECK(shown.err.find("after 3 nodes and 5 records") != std::string::npos);
  CHECK(ask(served, {"graph", "ancestors", "debian/7", "--json"}).err ==
        "{\"complete\":false,\"nodes\":3,\"records\":5}\n");
  served.node.drawn = {};
  shown = ask(served, {"graph", "path", "debian/7", "debian/8"});
  CHECK(shown.code == exit_failed);
  CHECK(shown.out.empty());
  CHECK(shown.err.find("not derived") != std::string::npos);
  served.node.drawn.complete = false;
  CHECK(ask(served, {"graph", "path", "debian/7", "debian/8"}).err.find("--depth") != std::string::npos);
}

TEST_CASE("GraphViz draws a graph into a file, and is named where it is missing") {
  control::served_node served;
  served.node.drawn = small_graph();
  const auto path = served.folder / "graph.svg";
  const std::vector<std::string> words{"graph", "ancestors", "debian/7", "--format", "svg", "--output", path};
  if (std::system("dot -V 2>/dev/null") == 0) {
    CHECK(ask(served, words).code == exit_ok);
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    CHECK(text.str().find("</svg>") != std::string::npos);
  } else {
    MESSAGE("half is skipped: there is no dot (Debian: graphviz)");
  }
  const std::string before = std::getenv("PATH");
  ::setenv("PATH", (served.folder / "").c_str(), 1);
  const auto shown = ask(served, words);
  ::setenv("PATH", before.c_str(), 1);
  CHECK(shown.code == exit_failed);
  CHECK(shown.err.find("package graphviz") != std::string::npos);
  CHECK(ask(served, {"graph", "ancestors", "debian/7", "--output", served.folder / "no/such"}).code ==
        exit_failed);
}

TEST_CASE("origins name the writer of each part that was read") {
  control::served_node served;
  served.node.met = small_origins();
  const auto table = ask(served, {"origins", "--run", "10", "--last", "5", "--before", "77"});
  CHECK(table.code == exit_ok);
  CHECK(table.out.find("block 2:6") != std::string::npos);
  CHECK(table.out.find("as it began") != std::string::npos);
  CHECK(table.out.find("vm-1/gcc/bob") != std::string::npos);
  CHECK(table.err == "forerun: there may be older reads; go on with --before 50\n");
  CHECK(served.node.asked.wanted.run == run_id{10});
  CHECK(served.node.asked.wanted.position_to == 77);
  CHECK(served.node.asked.wanted.position_from == 0);
  CHECK(served.node.asked_reads == 5);

  const auto lines = ask(served, {"origins", "--volume", "debian", "--element", "7", "--json"});
  CHECK(served.node.asked.volume == "debian");
  CHECK(served.node.asked.wanted.element_last == 7);
  CHECK(served.node.asked_reads == 100);
  CHECK(
      lines.out.find(
          R"("parts":[{"first":6,"count":1,"writer":null},{"first":7,"count":1,"writer":{"position":41,)") !=
      std::string::npos);
  CHECK(lines.err == "{\"complete\":false,\"before\":50}\n");
  const auto rows = ask(served, {"origins", "--format", "csv"}).out;
  CHECK(std::count(rows.begin(), rows.end(), '\n') == 3);
}

TEST_CASE("a wrong question about lineage exits 2") {
  control::served_node served;
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"graph"},
                                             {"graph", "ancestors"},
                                             {"graph", "ancestors", "debian"},
                                             {"graph", "path", "debian/1"},
                                             {"graph", "ancestors", "debian/1", "--nodes", "4097"},
                                             {"graph", "ancestors", "debian/1", "--format", "png"},
                                             {"origins", "--op", "READ"},
                                             {"origins", "--last", "0"},
                                             {"origins", "--before", "0"}})
    CHECK(ask(served, words).code == exit_usage);
}
