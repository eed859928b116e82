#include "runtime/provenance/graph_walk.hpp"
#include <absl/container/flat_hash_set.h>
#include <algorithm>

namespace forerun::provenance {
namespace {

filter of_run(const context& who, std::uint32_t operations) {
  return {.run = who.run,
          .vm = who.by.vm,
          .program = who.by.program,
          .user = who.by.user,
          .operations = operations};
}

std::uint64_t behind(const std::optional<std::uint64_t>& position) {
  return position ? *position + 1 : 0;
}

/// Takes `cut` out of ranges that are apart; true if there was anything to take.
bool subtract(std::vector<extent>& from, extent cut) {
  std::vector<extent> left;
  for (const auto& it : from) {
    const auto common = overlap(it, cut);
    if (common.count == 0) {
      left.push_back(it);
      continue;
    }
    if (common.first > it.first)
      left.push_back({it.first, static_cast<std::uint32_t>(common.first - it.first)});
    if (common.end() < it.end())
      left.push_back({common.end(), static_cast<std::uint32_t>(it.end() - common.end())});
  }
  const auto taken = left != from;
  from = std::move(left);
  return taken;
}

/// The first of what they have in common.
extent common_of(const std::vector<extent>& ranges, extent other) {
  for (const auto& it : ranges)
    if (const auto common = overlap(it, other); common.count > 0)
      return common;
  return {};
}

} // namespace

bool graph_walk::look_at(std::uint64_t records) {
  const auto enough = finder_.take(records);
  if (!enough)
    graph_.close();
  return enough;
}

result<std::shared_ptr<const entry>> maker_of(const record_source& from, const version_id& of) {
  if (of.of.number >= element_limit)
    return errc::invalid_argument;
  if (!of.made)
    return nullptr;
  auto found = from.last(of_element(of.of.kind, of.of.space, of.of.number,
                                    {.position_from = *of.made, .position_to = behind(of.made)}),
                         1);
  if (!found)
    return found.error();
  if (found.value().empty() || !makes(found.value().front().what))
    return errc::not_found;
  return std::make_shared<const entry>(std::move(found.value().front()));
}

result<void> graph_walk::begin(const version_id& of) {
  auto made = maker_of(from_, of);
  if (!made)
    return made.error();
  const auto start = graph_.asked(of, made.value().get());
  if (start.index != graph_builder::none && look_at(1))
    open_.push_back({start.index, 0, std::move(made.value())});
  return success();
}

graph graph_walk::finished() {
  graph_.so_far().records = limits_.records_max - finder_.records_left();
  return std::move(graph_.so_far());
}

result<graph> graph_walk::back(const version_id& of, const std::optional<version_id>& until) {
  until_ = until;
  if (const auto begun = begin(of); !begun)
    return begun.error();
  for (; !open_.empty() && !stopped(); open_.pop_front()) {
    const auto& it = open_.front();
    if (!it.made)
      continue;
    const auto run = graph_.run_of(it.made->who);
    if (run.index == graph_builder::none)
      break;
    graph_.connect(it.node, run.index, relation::generated, it.made->what, touched(it.made->what));
    if (const auto done = follow_uses(run.index, it); !done)
      return done.error();
  }
  return finished();
}

/// The uses before `made` that were not followed yet, the last ones first.
result<void> graph_walk::follow_uses(std::uint32_t run, const open_entity& made) {
  auto& followed = followed_.try_emplace(run, until_ ? behind(until_->made) : 0).first->second;
  auto wanted = of_run(made.made->who, using_operations);
  wanted.position_from = followed;
  wanted.position_to = made.made->what.position;
  while (wanted.position_from < wanted.position_to) {
    const auto page = std::min<std::uint64_t>(page_records, finder_.records_left() + 1);
    const auto uses_here = from_.last(wanted, made.depth < limits_.depth_max ? page : 1);
    if (!uses_here)
      return uses_here.error();
    const auto& found = uses_here.value();
    if (made.depth >= limits_.depth_max && !found.empty()) {
      graph_.cut();
      return success();
    }
    for (auto it = found.rbegin(); it != found.rend() && !stopped() && look_at(1); ++it)
      if (const auto done = follow_use(run, made, *it); !done)
        return done.error();
    if (stopped() || found.size() < page)
      break;
    wanted.position_to = found.front().what.position;
  }
  followed = std::max(followed, made.made->what.position);
  return success();
}

result<void> graph_walk::follow_use(std::uint32_t run, const open_entity& made, const entry& use) {
  if (!uses(use.what))
    return success();
  const auto& [kind, space] = std::pair{use.who.kind, use.who.space};
  auto pieces = finder_.pieces(kind, space, touched(use.what), use.what.position);
  if (!pieces)
    return pieces.error();
  for (auto& it : pieces.value()) {
    if (stopped())
      break;
    const auto position = it.made ? std::optional{it.made->what.position} : std::nullopt;
    const auto meets = until_ && until_->made == position && until_->of.kind == kind &&
                       until_->of.space == space && it.where.contains(until_->of.number);
    const auto used = meets     ? graph_.asked(*until_, it.made.get())
                      : it.made ? graph_.made(*it.made)
                                : graph_.began(kind, space, it.where);
    if (used.index == graph_builder::none)
      break;
    graph_.connect(run, used.index, relation::used, use.what, it.where);
    if (!used.fresh)
      continue;
    graph_.connect(made.node, used.index, relation::derived, use.what, it.where);
    if (meets)
      met_ = used.index;
    else if (it.made)
      open_.push_back({used.index, made.depth + 1, std::move(it.made)});
  }
  if (finder_.spent())
    graph_.close();
  return success();
}

result<graph> graph_walk::forth(const version_id& of) {
  if (const auto begun = begin(of); !begun)
    return begun.error();
  for (; !open_.empty() && !stopped(); open_.pop_front())
    if (const auto done = follow_fate(open_.front()); !done)
      return done.error();
  return finished();
}

result<graph_walk::fate> graph_walk::fate_of(const open_entity& it) {
  const auto& what = std::get<entity>(graph_.so_far().nodes[it.node]);
  filter wanted{.position_from = it.made ? it.made->what.position + 1 : 0,
                .kind = what.kind,
                .space = what.space,
                .element_first = what.where.first,
                .element_last = what.where.end() - 1,
                .operations = making_operations | using_operations,
                .records_max = finder_.records_left()};
  const auto last_depth = it.depth >= limits_.depth_max;
  std::vector<extent> there{what.where};
  absl::flat_hash_set<activity> known;
  fate out;
  std::uint64_t looked_at = 0;
  const auto enough = [&] { return there.empty() || (last_depth && !out.readers.empty()); };
  const auto seen = from_.scan(wanted, [&](const context& who, const record& by) {
    ++looked_at;
    if (makes(by)) {
      if (subtract(there, touched(by)) && there.empty() && by.op == operation::remove)
        out.removed = {who, by};
    } else if (const auto met = common_of(there, touched(by)); uses(by) && met.count > 0) {
      if (known.insert({who.run, who.by.vm, who.by.program, who.by.user}).second)
        out.readers.push_back({who, by, met});
    }
    return !enough();
  });
  if (!seen)
    return seen.error();
  look_at(std::max<std::uint64_t>(looked_at, 1));
  if (!seen.value().complete && !enough())
    graph_.close();
  if (seen.value().damaged > 0)
    graph_.cut();
  return out;
}

result<void> graph_walk::follow_fate(const open_entity& it) {
  const auto found = fate_of(it);
  if (!found)
    return found.error();
  const auto& [readers, removed] = found.value();
  if (it.depth >= limits_.depth_max && !readers.empty()) {
    graph_.cut();
    return success();
  }
  for (const auto& by : readers) {
    const auto run = graph_.run_of(by.who);
    if (run.index == graph_builder::none)
      return success();
    graph_.connect(run.index, it.node, relation::used, by.first_use, by.where);
    if (const auto done = follow_makes(run.index, it, by); !done || stopped())
      return done;
  }
  if (removed)
    if (const auto run = graph_.run_of(removed->who); run.index != graph_builder::none)
      graph_.connect(it.node, run.index, relation::invalidated, removed->what, touched(removed->what));
  return success();
}

/// What the run made after that use, as far as it was not followed yet.
result<void> graph_walk::follow_makes(std::uint32_t run, const open_entity& used, const reader& by) {
  auto& followed = followed_.try_emplace(run, std::numeric_limits<std::uint64_t>::max()).first->second;
  const auto since = by.first_use.position + 1;
  if (since >= followed)
    return success();
  auto wanted = of_run(by.who, making_operations);
  wanted.position_from = since;
  wanted.position_to = followed;
  wanted.records_max = std::min<std::uint64_t>(graph_.room() + 1, finder_.records_left());
  std::vector<entry> found;
  const auto seen = from_.scan(wanted, [&](const context& who, const record& what) {
    found.push_back({who, what});
    return true;
  });
  if (!seen)
    return seen.error();
  look_at(std::max<std::uint64_t>(found.size(), 1));
  for (auto& it : found) {
    if (!makes(it.what))
      continue;
    const auto made = graph_.made(it);
    if (made.index == graph_builder::none)
      return success();
    graph_.connect(made.index, run, relation::generated, it.what, touched(it.what));
    graph_.connect(made.index, used.node, relation::derived, by.first_use, by.where);
    open_.push_back({made.index, used.depth + 1, std::make_shared<const entry>(std::move(it))});
  }
  if (!seen.value().complete)
    graph_.close();
  if (seen.value().damaged > 0)
    graph_.cut();
  followed = since;
  return success();
}

} // namespace forerun::provenance
