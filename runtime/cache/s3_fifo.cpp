#include "runtime/cache/s3_fifo.hpp"
#include <algorithm>

namespace forerun::cache {

void s3_fifo::enter(slot one) {
  const bool returns = !at(one).unread && ghost_.take(at(one).key, capacity());
  table().push_newest(returns ? main_list : small_list, one);
}

void s3_fifo::used(slot one) {
  at(one).freq = std::min<std::uint8_t>(at(one).freq + 1, freq_max);
}

void s3_fifo::favour(slot one) {
  at(one).freq = std::max<std::uint8_t>(at(one).freq, 2);
}

void s3_fifo::enter_overdue(slot one) {
  at(one).freq = 0;
  table().push_oldest(small_list, one);
}

slot s3_fifo::choose_small() {
  for (;;) {
    const auto one = table().oldest(small_list);
    if (one == no_slot)
      return no_slot;
    table().unlink(one);
    if (at(one).freq <= 1)
      return one;
    at(one).freq = 0;
    table().push_newest(main_list, one);
  }
}

slot s3_fifo::choose_main() {
  // Ends: every round lowers a frequency, and none is above freq_max.
  for (;;) {
    const auto one = table().oldest(main_list);
    if (one == no_slot)
      return no_slot;
    table().unlink(one);
    if (at(one).freq == 0)
      return one;
    --at(one).freq;
    table().push_newest(main_list, one);
  }
}

slot s3_fifo::choose() {
  const auto share = std::max<std::size_t>(capacity() / small_divisor, 1);
  auto one = no_slot;
  if (table().count(small_list) >= share || table().count(main_list) == 0)
    one = choose_small();
  if (one == no_slot)
    return choose_main();
  if (!at(one).unread)
    ghost_.add(at(one).key, std::min(capacity(), table().size()));
  return one;
}

} // namespace forerun::cache
