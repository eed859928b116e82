#pragma once
#include "runtime/cache/listed_policy.hpp"

namespace forerun::cache {

/// Least recently used. An unread block counts as used when it came in.
class lru final : public listed_policy {
public:
  explicit lru(std::size_t capacity) : listed_policy(capacity, 1) {}

private:
  static constexpr std::uint8_t list = 1;

  void enter(slot one) override { table().push_newest(list, one); }
  void first_use(slot one) override { used(one); }
  void used(slot one) override {
    table().unlink(one);
    table().push_newest(list, one);
  }
  void favour(slot one) override { used(one); }
  void enter_overdue(slot one) override { table().push_oldest(list, one); }
  slot choose() override {
    const auto one = table().oldest(list);
    if (one != no_slot)
      table().unlink(one);
    return one;
  }
};

} // namespace forerun::cache
