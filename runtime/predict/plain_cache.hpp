#pragma once
#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <bit>
#include <cstdint>
#include <list>

namespace forerun::predict {

/// A cache of the same size with plain LRU and without prefetch, simulated for a sample of the blocks: what
/// demand alone would have moved (Waldspurger et al., "Efficient MRC Construction with SHARDS", FAST 2015).
/// A pure value; one thread. At most about half a MiB, made with use.
class plain_cache {
public:
  static constexpr std::size_t entries_max = 8192;

  explicit plain_cache(std::size_t blocks)
      : every_(std::bit_ceil((std::max<std::size_t>(blocks, 1) - 1) / entries_max + 1)),
        size_(std::max<std::size_t>(blocks / every_, 1)) {}

  /// How many blocks the miss of this one stands for: 0 if it is there, or not in the sample.
  std::uint32_t read(std::uint64_t block) {
    if ((mixed(block) & (every_ - 1)) != 0)
      return 0;
    if (const auto found = where_.find(block); found != where_.end()) {
      order_.splice(order_.begin(), order_, found->second);
      return 0;
    }
    order_.push_front(block);
    where_.emplace(block, order_.begin());
    if (order_.size() > size_) {
      where_.erase(order_.back());
      order_.pop_back();
    }
    return static_cast<std::uint32_t>(every_);
  }

  std::size_t memory_bytes() const {
    constexpr std::size_t node = 4 * sizeof(void*), slot = 2 * sizeof(void*) + 1;
    return order_.size() * node + where_.capacity() * slot;
  }

private:
  static std::uint64_t mixed(std::uint64_t block) {
    block = (block ^ block >> 31) * 0x9e3779b97f4a7c15u;
    return (block ^ block >> 29) * 0xd6e8feb86659fd93u >> 32;
  }

  std::uint64_t every_; ///< A power of two: one block in so many is in the sample.
  std::size_t size_;
  std::list<std::uint64_t> order_; ///< The one used last first.
  absl::flat_hash_map<std::uint64_t, std::list<std::uint64_t>::iterator> where_;
};

} // namespace forerun::predict
