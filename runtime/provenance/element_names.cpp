#include "runtime/provenance/element_names.hpp"
#include <algorithm>

namespace forerun::provenance {

result<std::string> name_finder::name_of(element_kind kind, std::uint32_t space, extent where) {
  const auto covers = [&](const known& it) {
    if (it.kind != kind || it.space != space)
      return false;
    // That a range has no name in common says nothing about its parts.
    return it.name.empty() ? it.where == where
                           : it.where.first <= where.first && where.end() <= it.where.end();
  };
  if (const auto found = std::find_if(known_.begin(), known_.end(), covers); found != known_.end())
    return found->name;
  if (lookups_left_ == 0)
    return std::string{};
  --lookups_left_;
  const auto born =
      from_.last(of_element(kind, space, where.first, {.operations = bit_of(operation::allocate)}), 1);
  if (!born)
    return born.error();
  known one{kind, space, where, {}};
  if (!born.value().empty()) {
    const auto& what = born.value().front().what;
    // A name stands for all that came into being with it, e.g. the blocks of a volume.
    if (const auto all = touched(what); what.how != outcome::failed && where.end() <= all.end()) {
      one.where = all;
      one.name = what.value;
    }
  }
  known_.push_back(std::move(one));
  return known_.back().name;
}

void add_names(graph& to, name_finder& names) {
  for (auto& each : to.nodes)
    if (auto* it = std::get_if<entity>(&each)) {
      auto name = names.name_of(it->kind, it->space, it->where);
      if (!name)
        return;
      it->name = std::move(name.value());
    }
}

void add_names(read_origins& to, name_finder& names) {
  for (auto it = to.reads.rbegin(); it != to.reads.rend(); ++it) {
    auto name = names.name_of(it->read.who.kind, it->read.who.space, touched(it->read.what));
    if (!name)
      return;
    it->name = std::move(name.value());
  }
}

} // namespace forerun::provenance
