#include "runtime/provenance/graph.hpp"
#include "tests/unit/provenance/record_list.hpp"
#include <doctest/doctest.h>
#include <map>
#include <random>
#include <set>

using namespace forerun;
using namespace forerun::provenance;

/// Random logs, asked by the graph and by a model that follows each element by itself and looks at every
/// record.
namespace {

using position = std::uint64_t;
using version = std::tuple<std::uint32_t, std::uint64_t, std::optional<position>>; ///< Space, element, made.

record_list some_log(std::uint64_t seed) {
  std::mt19937_64 random{seed};
  record_list log;
  const auto runs = 2 + random() % 5;
  const auto records = 20 + random() % 60;
  for (position i = 0; i < records; ++i) {
    const auto run = random() % runs;
    constexpr operation kinds[] = {operation::read,    operation::read,   operation::write, operation::write,
                                   operation::execute, operation::remove, operation::evict, operation::read};
    log.add({.by = {.vm = "alpha", .program = "gcc", .user = run % 2 ? "ann" : "bob"},
             .run = {run / 2},
             .space = static_cast<std::uint32_t>(random() % 2)},
            kinds[random() % 8], {random() % 12, static_cast<std::uint32_t>(random() % 4)},
            random() % 10 == 0 ? outcome::failed : outcome::none);
  }
  return log;
}

struct model {
  const std::vector<entry>& all;

  std::vector<std::uint64_t> elements(position of) const {
    std::vector<std::uint64_t> out;
    for (std::uint64_t i = 0; i < std::max(all[of].what.where.count, 1u); ++i)
      out.push_back(all[of].what.where.first + i);
    return out;
  }
  bool made(position i) const {
    const auto op = all[i].what.op;
    return (op == operation::write || op == operation::remove) && all[i].what.how != outcome::failed;
  }
  bool used(position i) const {
    const auto op = all[i].what.op;
    return (op == operation::read || op == operation::execute) && all[i].what.how != outcome::failed;
  }
  version met(position by, std::uint64_t number) const {
    for (auto i = by; i-- > 0;)
      if (made(i) && all[i].who.space == all[by].who.space)
        for (const auto it : elements(i))
          if (it == number)
            return {all[by].who.space, number, i};
    return {all[by].who.space, number, std::nullopt};
  }
  bool same_run(position a, position b) const {
    return all[a].who.run == all[b].who.run && all[a].who.by == all[b].who.by;
  }

  /// Distance of each ancestor in derivations.
  std::map<version, std::size_t> ancestors(const version& start) const {
    std::map<version, std::size_t> known{{start, 0}};
    std::vector<version> open{start};
    for (std::size_t at = 0; at < open.size(); ++at) {
      const auto [space, number, by] = open[at];
      const auto depth = known[open[at]];
      for (position i = 0; by && i < *by; ++i)
        if (used(i) && same_run(i, *by))
          for (const auto it : elements(i))
            if (known.try_emplace(met(i, it), depth + 1).second)
              open.push_back(met(i, it));
    }
    return known;
  }
  std::map<version, std::size_t> descendants(const version& start) const {
    std::map<version, std::size_t> known{{start, 0}};
    std::vector<version> open{start};
    for (std::size_t at = 0; at < open.size(); ++at) {
      const auto [space, number, by] = open[at];
      const auto depth = known[open[at]];
      for (position i = 0; i < all.size(); ++i)
        for (const auto it : elements(i))
          if (used(i) && all[i].who.space == space && met(i, it) == open[at])
            for (auto k = i + 1; k < all.size(); ++k)
              if (made(k) && same_run(i, k))
                for (const auto each : elements(k))
                  if (const version next{all[k].who.space, each, k};
                      known.try_emplace(next, depth + 1).second)
                    open.push_back(next);
    }
    return known;
  }
};

version_id named(const version& it) {
  return {{element_kind::block, std::get<0>(it), std::get<1>(it)}, std::get<2>(it)};
}

/// What of a version the graph keeps: its record, or only its space.
using coarse = std::pair<std::uint32_t, std::optional<position>>;

coarse coarse_of(const version& it) {
  return {std::get<2>(it) ? 0 : std::get<0>(it), std::get<2>(it)};
}

std::map<coarse, std::size_t> nearest(const std::map<version, std::size_t>& all, const version& start) {
  std::map<coarse, std::size_t> out;
  for (const auto& [it, depth] : all)
    if (it != start)
      if (const auto [known, fresh] = out.try_emplace(coarse_of(it), depth); !fresh)
        known->second = std::min(known->second, depth);
  return out;
}

/// The entities but the first, with their distance by derivations; and that edges are what they say.
std::map<coarse, std::size_t> entities_of(const graph& it) {
  std::vector<std::size_t> depth(it.nodes.size(), 0);
  for (bool more = true; more;) {
    more = false;
    for (const auto& each : it.edges)
      if (each.what == relation::derived) {
        const auto near = each.from == 0 || depth[each.from] > 0 ? each.from : each.to;
        const auto far = near == each.from ? each.to : each.from;
        if (depth[far] == 0 && far != 0) {
          depth[far] = depth[near] + 1;
          more = true;
        }
      }
  }
  std::map<coarse, std::size_t> out;
  for (std::size_t i = 1; i < it.nodes.size(); ++i)
    if (const auto* what = std::get_if<entity>(&it.nodes[i]))
      CHECK(out.emplace(coarse{what->made ? 0 : what->space,
                               what->made ? std::optional{what->made->position} : std::nullopt},
                        depth[i])
                .second);
  return out;
}

void check_edges(const graph& it, const model& naive) {
  for (const auto& each : it.edges) {
    const auto& from = it.nodes[each.from];
    const auto& to = it.nodes[each.to];
    if (each.what == relation::used) {
      CHECK(naive.used(each.position));
      CHECK(std::get<activity>(from).run == naive.all[each.position].who.run);
      const auto met = naive.met(each.position, each.where.first);
      CHECK(coarse_of(met) == coarse{std::get<entity>(to).made ? 0 : std::get<entity>(to).space,
                                     std::get<entity>(to).made
                                         ? std::optional{std::get<entity>(to).made->position}
                                         : std::nullopt});
    } else if (each.what == relation::generated) {
      CHECK(naive.made(each.position));
      CHECK(std::get<entity>(from).made->position == each.position);
      CHECK(std::get<activity>(to).user == naive.all[each.position].who.by.user);
    } else if (each.what == relation::derived) {
      CHECK(naive.used(each.position));
      CHECK(std::get<entity>(from).made->position > each.position);
      CHECK((!std::get<entity>(to).made || std::get<entity>(to).made->position < each.position));
    }
  }
}

version some_version(const model& naive, std::mt19937_64& random) {
  const auto by = random() % naive.all.size();
  return naive.met(by, naive.elements(by).front());
}

} // namespace

TEST_CASE("ancestors and descendants of random logs are those of a plain model") {
  std::size_t found = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    const auto log = some_log(seed);
    const model naive{log.all};
    std::mt19937_64 random{seed};
    const auto start = some_version(naive, random);
    const auto back = ancestors(log, named(start)).value();
    CHECK(back.complete);
    CHECK(entities_of(back) == nearest(naive.ancestors(start), start));
    check_edges(back, naive);
    const auto forth = descendants(log, named(start)).value();
    CHECK(forth.complete);
    CHECK(entities_of(forth) == nearest(naive.descendants(start), start));
    check_edges(forth, naive);
    found += back.nodes.size() + forth.nodes.size();
  }
  CHECK(found > 4000);
}

TEST_CASE("paths in random logs are as short as in a plain model") {
  std::size_t found = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    const auto log = some_log(seed);
    const model naive{log.all};
    std::mt19937_64 random{seed};
    const auto to = some_version(naive, random);
    for (int i = 0; i < 10; ++i) {
      const auto from = some_version(naive, random);
      const auto way = path(log, named(from), named(to)).value();
      CHECK(way.complete);
      const auto all = naive.ancestors(to);
      const auto expected = all.find(from);
      CHECK(way.nodes.empty() == (expected == all.end()));
      if (way.nodes.empty() || expected == all.end())
        continue;
      check_edges(way, naive);
      CHECK(static_cast<std::size_t>(std::count_if(way.edges.begin(), way.edges.end(), [](const edge& it) {
              return it.what == relation::derived;
            })) == expected->second);
      found += expected->second > 1;
    }
  }
  CHECK(found > 30);
}

TEST_CASE("whatever the limits, a graph keeps them, holds only what is true and says what is missing") {
  std::size_t cut = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    const auto log = some_log(seed);
    const model naive{log.all};
    std::mt19937_64 random{seed};
    const auto start = some_version(naive, random);
    const graph_limits limits{.nodes_max = random() % 20,
                              .edges_max = random() % 30,
                              .depth_max = random() % 4,
                              .records_max = random() % 60};
    const auto check = [&](const graph& got, const graph& whole, const std::map<version, std::size_t>& all) {
      CHECK(got.nodes.size() <= limits.nodes_max);
      CHECK(got.edges.size() <= limits.edges_max);
      CHECK(got.records <= limits.records_max);
      check_edges(got, naive);
      const auto expected = nearest(all, start);
      if (got.complete)
        CHECK(entities_of(got) == expected);
      CHECK((!got.complete || (got.nodes == whole.nodes && got.edges == whole.edges)));
      for (const auto& [it, depth] : entities_of(got)) {
        CHECK(depth <= limits.depth_max);
        CHECK(expected.contains(it));
      }
      cut += !got.complete;
    };
    check(ancestors(log, named(start), limits).value(), ancestors(log, named(start)).value(),
          naive.ancestors(start));
    check(descendants(log, named(start), limits).value(), descendants(log, named(start)).value(),
          naive.descendants(start));
  }
  CHECK(cut > 200);
}
