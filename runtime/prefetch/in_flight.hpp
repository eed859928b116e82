#pragma once
#include "runtime/base/extent.hpp"
#include "runtime/base/residency.hpp"
#include "runtime/base/time.hpp"
#include <map>

namespace forerun::prefetch {

/// The plans that were handed out and not yet reported back, and the bytes of demand on their way. Plans
/// never overlap, since a block in flight is not planned again.
class in_flight {
public:
  void plan(extent where, instant now) {
    plans_.emplace(where.first, sent{where.count, now});
    plan_bytes_ += where.bytes();
  }
  /// Whether such a plan was out.
  bool done(extent where) {
    const auto found = plans_.find(where.first);
    if (found == plans_.end() || found->second.count != where.count)
      return false;
    plan_bytes_ -= where.bytes();
    plans_.erase(found);
    return true;
  }
  bool contains(std::uint64_t block) const {
    auto after = plans_.upper_bound(block);
    if (after == plans_.begin())
      return false;
    --after;
    return block < after->first + after->second.count;
  }
  /// Gives up plans that nobody reported for so long; returns how many.
  std::size_t expire(instant before) {
    std::size_t count = 0;
    for (auto it = plans_.begin(); it != plans_.end();) {
      if (it->second.at >= before) {
        ++it;
        continue;
      }
      plan_bytes_ -= std::uint64_t{it->second.count} * block_bytes;
      it = plans_.erase(it);
      ++count;
    }
    return count;
  }
  void demand_sent(std::uint64_t bytes) { demand_bytes_ += bytes; }
  void demand_done(std::uint64_t bytes) { demand_bytes_ -= bytes < demand_bytes_ ? bytes : demand_bytes_; }
  void clear() { *this = {}; }

  std::size_t plans() const { return plans_.size(); }
  std::uint64_t demand_bytes() const { return demand_bytes_; }
  std::uint64_t bytes() const { return plan_bytes_ + demand_bytes_; }

private:
  struct sent {
    std::uint32_t count = 0;
    instant at{};
  };
  std::map<std::uint64_t, sent> plans_; ///< By first block; bounded by the scheduler's `plans_max`.
  std::uint64_t plan_bytes_ = 0;
  std::uint64_t demand_bytes_ = 0;
};

} // namespace forerun::prefetch
