#include "runtime/cache/arc.hpp"
#include <algorithm>

namespace forerun::cache {

void arc::enter(slot one) {
  const auto known = left_.find(at(one).key);
  if (known == no_slot)
    return table().push_newest(once, one);
  const auto from = left_[known].list;
  const auto mine = static_cast<double>(left_.count(from));
  const auto other = static_cast<double>(left_.count(from == left_once ? left_again : left_once));
  const bool unread = at(one).unread; // A guess says nothing of which list deserves room.
  left_.unlink(known);
  left_.drop(known);
  if (unread)
    return table().push_newest(once, one);
  const auto step = std::max(1.0, other / mine);
  room_ = from == left_once ? std::min(room_ + step, static_cast<double>(capacity()))
                            : std::max(room_ - step, 0.0);
  table().push_newest(again, one);
}

slot arc::choose() {
  const auto first = table().count(once);
  const bool from_once = table().count(again) == 0 || (first > 0 && static_cast<double>(first) > room_);
  const auto list = from_once ? once : again;
  const auto one = table().oldest(list);
  if (one == no_slot)
    return no_slot;
  table().unlink(one);
  if (at(one).unread)
    return one;
  const auto into = from_once ? left_once : left_again;
  const auto left = left_.add(at(one).key);
  left_.push_newest(into, left);
  while (left_.count(left_once) > 0 && table().count(once) + left_.count(left_once) >= capacity())
    forget(left_once);
  while (left_.count(left_again) > 0 && table().size() + left_.size() > 2 * capacity())
    forget(left_again);
  return one;
}

} // namespace forerun::cache
