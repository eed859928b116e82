#pragma once
#include "runtime/cache/listed_policy.hpp"
#include <algorithm>
#include <bit>

namespace forerun::cache {

/// Least frequently used, the least recently used of those; constant time, by one list for each count (Shah,
/// Mitra, Matani 2010). Counts stop at 63 and do not age: kept for comparison, and for sets that never
/// change.
class lfu final : public listed_policy {
public:
  explicit lfu(std::size_t capacity) : listed_policy(capacity, counts) {}

private:
  static constexpr std::uint8_t counts = 64;

  // The list of a count is count + 1; list 0 is the protected one.
  void link(slot one, std::uint8_t count) {
    at(one).freq = count;
    table().push_newest(static_cast<std::uint8_t>(count + 1), one);
    filled_ |= std::uint64_t{1} << count;
  }
  void recount(slot one, unsigned count) {
    table().unlink(one);
    link(one, static_cast<std::uint8_t>(std::min<unsigned>(count, counts - 1)));
  }

  // Unread blocks start at 0, or at what `protect` gave them; a read block starts at 1.
  void enter(slot one) override { link(one, at(one).unread ? at(one).freq : std::uint8_t{1}); }
  void first_use(slot one) override { recount(one, at(one).freq + 1u); }
  void used(slot one) override { recount(one, at(one).freq + 1u); }
  void favour(slot one) override { recount(one, std::max<unsigned>(at(one).freq, 2)); }
  void enter_overdue(slot one) override {
    at(one).freq = 0;
    table().push_oldest(1, one);
    filled_ |= 1;
  }
  slot choose() override {
    while (filled_ != 0) {
      const auto count = std::countr_zero(filled_);
      const auto one = table().oldest(static_cast<std::uint8_t>(count + 1));
      if (one != no_slot) {
        table().unlink(one);
        return one;
      }
      filled_ &= filled_ - 1; // The bit was set when an entry came in; entries leave without telling.
    }
    return no_slot;
  }

  std::uint64_t filled_ = 0; ///< Counts whose lists may hold something.
};

} // namespace forerun::cache
