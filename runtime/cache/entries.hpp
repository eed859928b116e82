#pragma once
#include "runtime/cache/policy.hpp"
#include <absl/container/flat_hash_set.h>
#include <array>
#include <vector>

namespace forerun::cache {

/// Index of an entry; stable while the entry lives.
using slot = std::uint32_t;
inline constexpr slot no_slot = ~slot{0};

/// What a policy keeps of one resident block: 24 bytes.
struct entry {
  cache_key key{};
  slot newer = no_slot;
  slot older = no_slot;
  std::uint32_t until = 0; ///< End of the protection, in ticks; meaningful only while protected.
  std::uint8_t list = 0;   ///< The list that it is linked into.
  std::uint8_t freq = 0;   ///< The policy's own count of uses.
  bool unread = false;     ///< Prefetched, and not read so far.
};
static_assert(sizeof(entry) == 24);

constexpr std::uint64_t mix_bits(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

/// Entries in chunks, found by key, each linked into one of a fixed number of lists. The index holds slots
/// instead of keys: five bytes for each place.
class entry_table {
public:
  explicit entry_table(std::size_t lists) : lists_(lists), index_(0, key_hash{this}, key_equal{this}) {}
  entry_table(const entry_table&) = delete;
  entry_table& operator=(const entry_table&) = delete;

  entry& operator[](slot at) { return (*chunks_[at / chunk_entries])[at % chunk_entries]; }
  const entry& operator[](slot at) const { return (*chunks_[at / chunk_entries])[at % chunk_entries]; }

  slot find(cache_key key) const {
    const auto found = index_.find(key);
    return found == index_.end() ? no_slot : *found;
  }
  /// The key must not be in the table. The entry is linked nowhere.
  slot add(cache_key key);
  /// The entry must be linked nowhere.
  void drop(slot at);

  void push_newest(std::uint8_t list, slot at);
  void push_oldest(std::uint8_t list, slot at);
  /// Links `at` as the next older neighbour of `newer`, which is in some list.
  void insert_older(slot newer, slot at);
  void unlink(slot at);
  slot oldest(std::uint8_t list) const { return lists_[list].oldest; }
  slot newest(std::uint8_t list) const { return lists_[list].newest; }
  std::size_t count(std::uint8_t list) const { return lists_[list].count; }

  std::size_t size() const { return index_.size(); }
  std::size_t memory_bytes() const {
    return chunks_.size() * sizeof(chunk) + index_.capacity() * (sizeof(slot) + 1) +
           lists_.size() * sizeof(list_ends);
  }

private:
  static constexpr std::size_t chunk_entries = 1024;
  using chunk = std::array<entry, chunk_entries>;
  struct list_ends {
    slot newest = no_slot;
    slot oldest = no_slot;
    std::uint32_t count = 0;
  };
  struct key_hash {
    using is_transparent = void;
    const entry_table* table;
    std::size_t operator()(cache_key key) const { return mix_bits(key.value); }
    std::size_t operator()(slot at) const { return mix_bits((*table)[at].key.value); }
  };
  struct key_equal {
    using is_transparent = void;
    const entry_table* table;
    bool operator()(slot a, slot b) const { return a == b; }
    bool operator()(slot a, cache_key b) const { return (*table)[a].key == b; }
    bool operator()(cache_key a, slot b) const { return (*table)[b].key == a; }
  };

  std::vector<std::unique_ptr<chunk>> chunks_;
  slot used_ = 0;       ///< Slots ever handed out.
  slot free_ = no_slot; ///< Dropped slots, chained by `older`.
  std::vector<list_ends> lists_;
  absl::flat_hash_set<slot, key_hash, key_equal> index_;
};

} // namespace forerun::cache
