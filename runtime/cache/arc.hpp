#pragma once
#include "runtime/cache/listed_policy.hpp"

namespace forerun::cache {

/// ARC (Megiddo, Modha: ARC, a self-tuning, low overhead replacement cache, FAST '03): a list of keys that
/// were used once and a list of those used again, each with a memory of what left it; a return from either
/// memory gives its list more of the room. Directories are bounded as in the paper: the resident and the
/// remembered keys of the first list together by the capacity, all four lists by twice the capacity.
///
/// Two differences, both because the tier asks for a victim before it names the new key: the room moves at
/// the next eviction rather than at this one, and a tie is never decided by the key that comes in. For
/// prefetch: an unread block stands with those used once, its first use moves it to their newest end only,
/// and it is not remembered when it leaves unread. About 29 bytes more for each remembered key.
class arc final : public listed_policy {
public:
  explicit arc(std::size_t capacity) : listed_policy(capacity, 2), left_(2) {}
  std::size_t memory_bytes() const override { return listed_policy::memory_bytes() + left_.memory_bytes(); }

private:
  static constexpr std::uint8_t once = 1, again = 2;           ///< T1 and T2 of the paper.
  static constexpr std::uint8_t left_once = 0, left_again = 1; ///< B1 and B2, of `left_`.

  void enter(slot one) override;
  void first_use(slot one) override { move(one, once); }
  void used(slot one) override { move(one, again); }
  void favour(slot one) override { move(one, again); }
  void enter_overdue(slot one) override { table().push_oldest(once, one); }
  slot choose() override;

  void move(slot one, std::uint8_t list) {
    table().unlink(one);
    table().push_newest(list, one);
  }
  void forget(std::uint8_t list) {
    const auto one = left_.oldest(list);
    left_.unlink(one);
    left_.drop(one);
  }

  entry_table left_; ///< Keys that were evicted.
  double room_ = 0;  ///< How many keys used once may stay: p of the paper.
};

} // namespace forerun::cache
