#pragma once
#include "runtime/cache/entries.hpp"
#include <array>
#include <vector>

namespace forerun::cache {

/// Remembers the last keys that were evicted from the small queue, by a 32-bit fingerprint and the number of
/// the eviction: 8 bytes a place, eight places to a bucket, the oldest of a bucket is overwritten. May rarely
/// forget early (a full bucket) or mistake a key for another one (two in a thousand million): both cost one
/// wrong guess about a block's worth, nothing else.
class ghost {
public:
  /// Remembers `key` as one of the last `keys` ones. `keys` may grow; then what was remembered is forgotten,
  /// which happens only while a cache fills for the first time.
  void add(cache_key key, std::size_t keys);
  /// Whether the key is among the last `keys` ones; forgets it.
  bool take(cache_key key, std::size_t keys);
  std::size_t memory_bytes() const { return buckets_.size() * sizeof(bucket); }

private:
  struct place {
    std::uint32_t fingerprint = 0;
    std::uint32_t number = 0; ///< Of the eviction; 0: empty.
  };
  static constexpr std::size_t places = 8;
  using bucket = std::array<place, places>;
  static constexpr std::size_t buckets_min = 8;

  bucket& of(std::uint64_t hash) { return buckets_[(hash >> 32) & (buckets_.size() - 1)]; }

  std::vector<bucket> buckets_;
  std::uint32_t evictions_ = 0; ///< Number of the last one; wraps from 2^32 - 1 to 1.
};

} // namespace forerun::cache
