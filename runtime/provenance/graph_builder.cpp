#include "runtime/provenance/graph_builder.hpp"

namespace forerun::provenance {

template <class Key> graph_builder::added graph_builder::add(index<Key>& known, const Key& key, auto make) {
  if (const auto it = known.find(key); it != known.end())
    return {it->second, false};
  if (room() == 0) {
    close();
    return {};
  }
  const auto at = static_cast<std::uint32_t>(so_far_.nodes.size());
  so_far_.nodes.push_back(make());
  known.emplace(key, at);
  return {at, true};
}

edge* graph_builder::link_up(std::uint32_t from, std::uint32_t to, relation what) {
  const link key{from, to, what};
  if (const auto it = links_.find(key); it != links_.end())
    return &so_far_.edges[it->second];
  if (so_far_.edges.size() >= limits_.edges_max) {
    close();
    return nullptr;
  }
  links_.emplace(key, static_cast<std::uint32_t>(so_far_.edges.size()));
  return &so_far_.edges.emplace_back(edge{.from = from, .to = to, .what = what});
}

graph_builder::added graph_builder::asked(const version_id& what, const entry* by) {
  index<std::uint64_t> unnamed;
  return add(unnamed, std::uint64_t{0}, [&] {
    return entity{
        what.of.kind, what.of.space, {what.of.number, 1}, by ? std::optional{by->what} : std::nullopt};
  });
}

graph_builder::added graph_builder::made(const entry& by) {
  return add(made_, by.what.position, [&] {
    return entity{by.who.kind, by.who.space, touched(by.what), by.what};
  });
}

graph_builder::added graph_builder::began(element_kind kind, std::uint32_t space, extent where) {
  // There are so many blocks and pages that nobody could look at each.
  if (kind == element_kind::block || kind == element_kind::page || kind == element_kind::image_block)
    where = {};
  return add(began_, range{kind, space, where}, [&] { return entity{kind, space, where, std::nullopt}; });
}

graph_builder::added graph_builder::run_of(const context& who) {
  const activity key{who.run, who.by.vm, who.by.program, who.by.user};
  const auto run = add(runs_, key, [&] { return key; });
  if (!run.fresh)
    return run;
  for (const auto& it : {party{party_role::vm, key.vm}, party{party_role::program, key.program},
                         party{party_role::user, key.user}})
    if (!it.name.empty())
      if (const auto agent = add(parties_, it, [&] { return it; }); agent.index != none)
        link_up(run.index, agent.index, relation::associated);
  return run;
}

void graph_builder::connect(std::uint32_t from, std::uint32_t to, relation what, const record& by,
                            extent where) {
  auto* known = link_up(from, to, what);
  if (known == nullptr)
    return;
  if (known->records++ > 0 && by.position >= known->position)
    return;
  known->position = by.position;
  known->at = by.at;
  known->where = where;
}

} // namespace forerun::provenance
