#pragma once
#include "runtime/cache/entries.hpp"

namespace forerun::cache {

/// What all policies share: the table of entries, first uses, protection. A policy says where entries go.
/// List 0 holds the protected ones, in order of the end of their protection; the others are the policy's.
class listed_policy : public policy {
public:
  listed_policy(std::size_t capacity, std::size_t lists) : capacity_(capacity), table_(lists + 1) {}

  void admit(cache_key key, admit_kind kind) final;
  void touched(cache_key key) final;
  void protect(cache_key key) final;
  void protect_until(cache_key key, instant until) final;
  void removed(cache_key key) final;
  std::optional<cache_key> victim(instant now) final;

  bool contains(cache_key key) const final { return table_.find(key) != no_slot; }
  std::size_t size() const final { return table_.size(); }
  std::size_t protected_size() const final { return table_.count(protected_list); }
  std::size_t memory_bytes() const override { return table_.memory_bytes(); }

protected:
  static constexpr std::uint8_t protected_list = 0;

  entry& at(slot one) { return table_[one]; }
  entry_table& table() { return table_; }
  std::size_t capacity() const { return capacity_; }

private:
  /// Links an unlinked entry where a new one belongs.
  virtual void enter(slot one) = 0;
  /// A prefetched entry, linked by `enter`, is read for the first time.
  virtual void first_use(slot one) = 0;
  /// A linked entry is read again.
  virtual void used(slot one) = 0;
  /// A linked entry was predicted again.
  virtual void favour(slot one) = 0;
  /// Links an unlinked, unread entry whose protection ended where it goes soon.
  virtual void enter_overdue(slot one) = 0;
  /// Unlinks the entry to evict from the policy's own lists; `no_slot` when they are empty.
  virtual slot choose() = 0;

  void release_overdue(instant now);

  std::size_t capacity_;
  entry_table table_;
};

} // namespace forerun::cache
