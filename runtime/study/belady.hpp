#pragma once
#include "runtime/cache/policy.hpp"
#include <absl/container/flat_hash_map.h>
#include <vector>

namespace forerun::study {

inline constexpr std::uint64_t never = ~std::uint64_t{0};

/// The limit of eviction: what is used again last goes first (Belady: A study of replacement algorithms for a
/// virtual-storage computer, IBM Systems Journal 5(2), 1966). It must be told when each key is used next.
/// Protection means nothing to it. Memory: the keys that it was told of, 32 bytes each, and twice the cache.
class belady final : public cache::policy {
public:
  /// The key is used next by the request of this number. Call it before each `admit` and `touched`.
  void coming(cache::cache_key key, std::uint64_t next);

  void admit(cache::cache_key key, cache::admit_kind kind) override;
  void touched(cache::cache_key) override {}
  void protect(cache::cache_key) override {}
  void protect_until(cache::cache_key, instant) override {}
  void removed(cache::cache_key key) override;
  std::optional<cache::cache_key> victim(instant now) override;
  bool contains(cache::cache_key key) const override;
  std::size_t size() const override { return size_; }
  std::size_t protected_size() const override { return 0; }
  std::size_t memory_bytes() const override;

private:
  struct known {
    std::uint64_t next = never;
    bool here = false;
  };
  struct candidate {
    std::uint64_t next;
    std::uint64_t key;
    /// Of equals the smaller key, so that runs are repeatable.
    bool operator<(const candidate& other) const {
      return next != other.next ? next < other.next : key > other.key;
    }
  };
  void push(candidate one);

  absl::flat_hash_map<std::uint64_t, known> known_;
  std::vector<candidate> heap_; ///< Also what is no longer true; it is passed over.
  std::size_t size_ = 0;
};

} // namespace forerun::study
