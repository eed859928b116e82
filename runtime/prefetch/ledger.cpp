#include "runtime/prefetch/ledger.hpp"

namespace forerun::prefetch {

void ledger::planned(extent where, const reason& why) {
  for (auto block = where.first; block < where.end(); ++block) {
    auto& kept = entries_[block];
    if (kept.generation != 0 && kept.entry.state == settlement::pending) {
      // Moved again although nobody read the first copy: that one was for nothing.
      --totals_.pending;
      ++totals_.waste;
    }
    kept = {{why, settlement::pending, {}}, next_generation_++};
    order_.push_back({block, kept.generation, why.planned});
    ++totals_.prefetched;
    ++totals_.pending;
  }
  while (order_.size() > entries_max_) {
    const auto oldest = order_.front();
    order_.pop_front();
    if (expired_ > 0)
      --expired_;
    const auto found = entries_.find(oldest.block);
    if (found == entries_.end() || found->second.generation != oldest.generation)
      continue;
    if (found->second.entry.state == settlement::pending) {
      --totals_.pending;
      ++totals_.waste;
    }
    entries_.erase(found);
  }
}

ledger_entry* ledger::settle(std::uint64_t block, settlement how, instant now) {
  const auto found = entries_.find(block);
  if (found == entries_.end() || found->second.entry.state != settlement::pending)
    return nullptr;
  found->second.entry.state = how;
  found->second.entry.settled = now;
  --totals_.pending;
  return &found->second.entry;
}

std::optional<reason> ledger::hit(std::uint64_t block, instant now) {
  const auto* entry = settle(block, settlement::hit, now);
  if (entry == nullptr)
    return std::nullopt;
  ++totals_.hit;
  return entry->why;
}

std::optional<reason> ledger::late(std::uint64_t block, instant now) {
  const auto* entry = settle(block, settlement::late, now);
  if (entry == nullptr)
    return std::nullopt;
  ++totals_.late;
  return entry->why;
}

void ledger::failed(extent where, instant now) {
  for (auto block = where.first; block < where.end(); ++block)
    if (settle(block, settlement::failed, now) != nullptr)
      --totals_.prefetched;
}

bool ledger::wasted(std::uint64_t block, settlement how, instant now) {
  if (settle(block, how, now) == nullptr)
    return false;
  ++totals_.waste;
  return true;
}

std::vector<std::uint64_t> ledger::expire(instant now) {
  std::vector<std::uint64_t> overdue;
  while (expired_ < order_.size() && now - order_[expired_].planned >= horizon_) {
    const auto& item = order_[expired_++];
    const auto found = entries_.find(item.block);
    if (found != entries_.end() && found->second.generation == item.generation &&
        wasted(item.block, settlement::overdue, now))
      overdue.push_back(item.block);
  }
  return overdue;
}

std::optional<ledger_entry> ledger::why(std::uint64_t block) const {
  const auto found = entries_.find(block);
  if (found == entries_.end())
    return std::nullopt;
  return found->second.entry;
}

} // namespace forerun::prefetch
