#include "runtime/cache/entries.hpp"

namespace forerun::cache {

slot entry_table::add(cache_key key) {
  slot at = free_;
  if (at != no_slot) {
    free_ = (*this)[at].older;
  } else {
    at = used_++;
    if (at / chunk_entries == chunks_.size())
      chunks_.push_back(std::make_unique<chunk>());
  }
  (*this)[at] = entry{.key = key};
  index_.insert(at);
  return at;
}

void entry_table::drop(slot at) {
  index_.erase(index_.find((*this)[at].key));
  (*this)[at].older = free_;
  free_ = at;
}

void entry_table::push_newest(std::uint8_t list, slot at) {
  auto& ends = lists_[list];
  auto& it = (*this)[at];
  it.list = list;
  it.newer = no_slot;
  it.older = ends.newest;
  (ends.newest == no_slot ? ends.oldest : (*this)[ends.newest].newer) = at;
  ends.newest = at;
  ++ends.count;
}

void entry_table::push_oldest(std::uint8_t list, slot at) {
  if (lists_[list].oldest == no_slot)
    push_newest(list, at);
  else
    insert_older(lists_[list].oldest, at);
}

void entry_table::insert_older(slot newer, slot at) {
  auto& neighbour = (*this)[newer];
  auto& ends = lists_[neighbour.list];
  auto& it = (*this)[at];
  it.list = neighbour.list;
  it.newer = newer;
  it.older = neighbour.older;
  (it.older == no_slot ? ends.oldest : (*this)[it.older].newer) = at;
  neighbour.older = at;
  ++ends.count;
}

void entry_table::unlink(slot at) {
  const auto& it = (*this)[at];
  auto& ends = lists_[it.list];
  (it.newer == no_slot ? ends.newest : (*this)[it.newer].older) = it.older;
  (it.older == no_slot ? ends.oldest : (*this)[it.older].newer) = it.newer;
  --ends.count;
}

} // namespace forerun::cache
