#include "runtime/provenance/boost_graph.hpp"
#include "tests/unit/provenance/record_list.hpp"
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <set>

using namespace forerun;
using namespace forerun::provenance;

namespace {

std::string name_of(const node& it) {
  if (const auto* what = std::get_if<entity>(&it)) {
    auto text = fmt::format("{}/{}", static_cast<unsigned>(what->kind), what->space);
    if (what->where.count > 0)
      text += fmt::format("/{}+{}", what->where.first, what->where.count);
    return text + (what->made ? fmt::format("@{}", what->made->position) : "@start");
  }
  if (const auto* run = std::get_if<activity>(&it))
    return fmt::format("run {}", run->run.value);
  const auto& agent = std::get<party>(it);
  return fmt::format("{} {}", to_string(agent.role), agent.name);
}

using texts = std::set<std::string>;

texts nodes_of(const graph& it) {
  texts out;
  for (const auto& each : it.nodes)
    CHECK(out.insert(name_of(each)).second);
  return out;
}

texts edges_of(const graph& it) {
  texts out;
  for (const auto& each : it.edges) {
    const auto text = fmt::format("{} {} {}", name_of(it.nodes[each.from]), to_string(each.what),
                                  name_of(it.nodes[each.to]));
    CHECK(out.insert(each.records == 0 ? text : fmt::format("{} at {}", text, each.position)).second);
  }
  return out;
}

version_id block(std::uint64_t number, std::optional<std::uint64_t> made = {}) {
  return {{element_kind::block, 1, number}, made};
}

} // namespace

TEST_CASE("the writer of an element is the last WRITE or DELETE before a position") {
  record_list log;
  log.write(1, {10, 4});                  // 0
  log.read(1, {10, 4});                   // 1
  log.write(2, {12, 1});                  // 2
  log.write(3, {12, 1}, outcome::failed); // 3
  log.prefetch(3, {12, 1});               // 4
  log.remove(4, {11, 1});                 // 5
  const auto writer = [&](std::uint64_t number, std::uint64_t before) {
    const auto found = writer_of(log, {element_kind::block, 1, number}, before).value();
    return found ? std::optional{found->what.position} : std::nullopt;
  };
  CHECK(writer(12, 0) == std::nullopt);
  CHECK(writer(12, 1) == 0);
  CHECK(writer(12, 2) == 0);
  CHECK(writer(12, 3) == 2);
  CHECK(writer(12, 6) == 2);
  CHECK(writer(11, 5) == 0);
  CHECK(writer(11, 6) == 5);
  CHECK(writer(14, 6) == std::nullopt);
  CHECK_FALSE(writer_of(log, {element_kind::block, 2, 12}).value());
  CHECK_FALSE(writer_of(log, {element_kind::key, 1, 12}).value());
  CHECK(version_at(log, {element_kind::block, 1, 11}).value() == block(11, 5));
  CHECK(version_at(log, {element_kind::block, 1, 11}, 0).value() == block(11));
}

TEST_CASE("what a run read is told with who wrote it, piece by piece") {
  record_list log;
  log.write(1, {10, 4});                 // 0
  log.write(2, {12, 1});                 // 1
  log.read(3, {8, 8});                   // 2
  log.read(3, {12, 1}, outcome::failed); // 3
  log.write(1, {12, 1});                 // 4
  log.execute(3, {12, 1});               // 5
  log.read(4, {12, 1});                  // 6
  using part = std::tuple<std::uint64_t, std::uint32_t, std::optional<std::uint64_t>>;
  const auto parts_of = [](const read_origin& it) {
    std::vector<part> out;
    for (const auto& each : it.parts)
      out.emplace_back(each.where.first, each.where.count,
                       each.made ? std::optional{each.made->what.position} : std::nullopt);
    return out;
  };
  const auto all = origins_of(log, {.run = run_id{3}}).value();
  REQUIRE(all.reads.size() == 2);
  CHECK(all.complete);
  CHECK(all.reads[0].read == log.all[2]);
  CHECK(parts_of(all.reads[0]) ==
        std::vector<part>{{8, 2, std::nullopt}, {10, 2, 0}, {12, 1, 1}, {13, 1, 0}, {14, 2, std::nullopt}});
  CHECK(parts_of(all.reads[1]) == std::vector<part>{{12, 1, 4}});

  const auto one = origins_of(log, of_element(element_kind::block, 1, 12, {.run = run_id{3}})).value();
  REQUIRE(one.reads.size() == 2);
  CHECK(parts_of(one.reads[0]) == std::vector<part>{{12, 1, 1}});

  const auto newest = origins_of(log, {.run = run_id{3}}, 1).value();
  REQUIRE(newest.reads.size() == 1);
  CHECK_FALSE(newest.complete);
  CHECK(newest.from_position == 5);
  const auto older = origins_of(log, {.position_to = 5, .run = run_id{3}}, 2).value();
  CHECK(older.reads.size() == 1);
  CHECK(older.from_position == 2);

  const auto bounded = origins_of(log, {.run = run_id{3}}, 1000, 3).value();
  CHECK(bounded.reads.size() == 1);
  CHECK_FALSE(bounded.complete);
  CHECK(origins_of(log, {.position_to = 5, .run = run_id{3}}, 1000, 3).error() == errc::overloaded);
}

TEST_CASE("ancestors are what the writer had read before, and theirs") {
  record_list log;
  log.read(1, {0, 4});   // 0: as it began
  log.write(1, {10, 4}); // 1
  log.read(1, {50, 1});  // 2: too late for 1
  log.read(2, {11, 1});  // 3
  log.read(2, {12, 1});  // 4
  log.write(2, {20, 2}); // 5
  log.read(2, {60, 1});  // 6: too late for 5
  log.write(3, {11, 1}); // 7: not what 2 had read
  const auto found = ancestors(log, block(21, 5)).value();
  CHECK(found.complete);
  CHECK(name_of(found.nodes[0]) == "0/1/21+1@5");
  CHECK(nodes_of(found) == texts{"0/1/21+1@5", "run 2", "vm alpha", "program p2", "user ann", "0/1/10+4@1",
                                 "run 1", "program p1", "0/1@start"});
  CHECK(edges_of(found) == texts{"0/1/21+1@5 wasGeneratedBy run 2 at 5", "run 2 wasAssociatedWith vm alpha",
                                 "run 2 wasAssociatedWith program p2", "run 2 wasAssociatedWith user ann",
                                 "run 2 used 0/1/10+4@1 at 3", "0/1/21+1@5 wasDerivedFrom 0/1/10+4@1 at 4",
                                 "0/1/10+4@1 wasGeneratedBy run 1 at 1", "run 1 wasAssociatedWith vm alpha",
                                 "run 1 wasAssociatedWith program p1", "run 1 wasAssociatedWith user ann",
                                 "run 1 used 0/1@start at 0", "0/1/10+4@1 wasDerivedFrom 0/1@start at 0"});
  CHECK(num_vertices(as_boost(found)) == found.nodes.size());
  CHECK(num_edges(as_boost(found)) == found.edges.size());
  CHECK(nodes_of(ancestors(log, block(5)).value()) == texts{"0/1/5+1@start"});
}

TEST_CASE("descendants are what readers wrote after they had read, until the next write") {
  record_list log;
  log.write(1, {10, 2});  // 0
  log.write(2, {30, 1});  // 1: before it had read
  log.read(2, {9, 2});    // 2: block 10 of it
  log.read(3, {11, 1});   // 3: the other block
  log.write(2, {31, 1});  // 4
  log.read(4, {31, 1});   // 5
  log.remove(5, {10, 1}); // 6: the version ends
  log.read(6, {10, 1});   // 7: reads what is no more
  log.write(6, {40, 1});  // 8
  log.write(4, {32, 1});  // 9
  log.write(7, {31, 1});  // 10: an overwriting is no removal
  const auto found = descendants(log, block(10, 0)).value();
  CHECK(found.complete);
  const texts agents{"vm alpha", "user ann", "program p2", "program p4", "program p5"};
  auto expected = agents;
  expected.merge(texts{"0/1/10+1@0", "run 2", "0/1/31+1@4", "run 4", "0/1/32+1@9", "run 5"});
  CHECK(nodes_of(found) == expected);
  texts relations;
  for (const auto& each : edges_of(found))
    if (each.find("Associated") == std::string::npos)
      relations.insert(each);
  CHECK(relations == texts{"run 2 used 0/1/10+1@0 at 2", "0/1/31+1@4 wasGeneratedBy run 2 at 4",
                           "0/1/31+1@4 wasDerivedFrom 0/1/10+1@0 at 2", "run 4 used 0/1/31+1@4 at 5",
                           "0/1/32+1@9 wasGeneratedBy run 4 at 9",
                           "0/1/32+1@9 wasDerivedFrom 0/1/31+1@4 at 5",
                           "0/1/10+1@0 wasInvalidatedBy run 5 at 6"});
  CHECK(nodes_of(descendants(log, block(9)).value()).count("0/1/32+1@9") == 1);
}

TEST_CASE("a path is a shortest derivation, in order of time") {
  record_list log;
  log.write(1, {10, 1}); // 0
  log.read(2, {10, 1});  // 1
  log.write(2, {20, 1}); // 2
  log.read(3, {20, 1});  // 3
  log.write(3, {30, 1}); // 4
  log.read(3, {10, 1});  // 5: shorter, but after what it wrote at 4
  log.write(3, {40, 1}); // 6
  const auto long_way = path(log, block(10, 0), block(30, 4)).value();
  CHECK(long_way.complete);
  CHECK(nodes_of(long_way) == texts{"0/1/30+1@4", "0/1/20+1@2", "0/1/10+1@0", "run 3", "run 2", "program p3",
                                    "program p2", "vm alpha", "user ann"});
  CHECK(name_of(long_way.nodes[0]) == "0/1/30+1@4");
  CHECK(name_of(long_way.nodes[1]) == "0/1/20+1@2");
  CHECK(name_of(long_way.nodes[2]) == "0/1/10+1@0");
  CHECK(nodes_of(path(log, block(10, 0), block(40, 6)).value()) ==
        texts{"0/1/40+1@6", "0/1/10+1@0", "run 3", "program p3", "vm alpha", "user ann"});
  const auto none = path(log, block(40, 6), block(30, 4)).value();
  CHECK(none.nodes.empty());
  CHECK(none.complete);
  const auto itself = path(log, block(40, 6), block(40, 6)).value();
  CHECK(name_of(itself.nodes[0]) == "0/1/40+1@6");
}

TEST_CASE("a version that is not there is not found") {
  record_list log;
  log.write(1, {10, 1});
  log.read(1, {10, 1});
  log.write(1, {10, 1}, outcome::failed);
  for (const auto& version : {block(11, 0), block(10, 1), block(10, 2), block(10, 3)}) {
    CHECK(ancestors(log, version).error() == errc::not_found);
    CHECK(descendants(log, version).error() == errc::not_found);
    CHECK(path(log, version, block(10, 0)).error() == errc::not_found);
    CHECK(path(log, block(10, 0), version).error() == errc::not_found);
  }
  CHECK(ancestors(log, block(element_limit)).error() == errc::invalid_argument);
}

TEST_CASE("a source that fails fails the question") {
  struct broken final : record_source {
    result<scan_result> scan(const filter&, const visitor&) const override { return errc::io_failed; }
    result<std::vector<entry>> last(const filter&, std::size_t) const override { return errc::io_failed; }
  } log;
  CHECK(ancestors(log, block(1, 1)).error() == errc::io_failed);
  CHECK(descendants(log, block(1)).error() == errc::io_failed);
  CHECK(origins_of(log, {}).error() == errc::io_failed);
  CHECK(writer_of(log, {}).error() == errc::io_failed);
}
