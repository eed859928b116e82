#pragma once
#include "runtime/base/extent.hpp"
#include "runtime/base/prediction.hpp"
#include "runtime/base/time.hpp"
#include <absl/container/flat_hash_map.h>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace forerun::prefetch {

/// What became of a block that was moved early.
enum class settlement : std::uint8_t {
  pending,     ///< Here or on its way, and not read yet.
  hit,         ///< The first read found it local.
  late,        ///< The first read found it in flight.
  evicted,     ///< Waste: it left every tier unread.
  overwritten, ///< Waste: it was written before it was read.
  overdue,     ///< Waste: older than the horizon without a read.
  failed,      ///< The origin did not deliver; no bytes moved.
};

struct ledger_entry {
  reason why{};
  settlement state = settlement::pending;
  instant settled{}; ///< When it stopped being pending.
};

/// In blocks, except where it says otherwise. hit + late + waste + pending = prefetched.
struct ledger_totals {
  std::uint64_t prefetched = 0;
  std::uint64_t hit = 0;
  std::uint64_t late = 0;
  std::uint64_t waste = 0;
  std::uint64_t pending = 0;
};

/// Keeps the reason of every prefetched block until it is read or counted as waste, and after that as long as
/// there is room, so that `forerun why` can say what became of it.
class ledger {
public:
  /// `entries_max` bounds the blocks remembered (about 100 bytes each). When it is full, the oldest is
  /// forgotten; one that was still pending counts as waste, overdue, from then on.
  ledger(std::size_t entries_max, nanos waste_horizon) : entries_max_(entries_max), horizon_(waste_horizon) {}

  void planned(extent where, const reason& why);
  /// The block was read for the first time, after it had arrived or while it was on its way. Returns why it
  /// was moved, if that was still pending.
  std::optional<reason> hit(std::uint64_t block, instant now);
  std::optional<reason> late(std::uint64_t block, instant now);
  void failed(extent where, instant now);
  /// Counts as waste if the block is still pending; returns whether it was.
  bool wasted(std::uint64_t block, settlement how, instant now);
  /// Blocks whose time ran out; they count as waste now.
  std::vector<std::uint64_t> expire(instant now);

  std::optional<ledger_entry> why(std::uint64_t block) const;
  const ledger_totals& totals() const { return totals_; }

private:
  struct slot {
    ledger_entry entry;
    std::uint64_t generation = 0;
  };
  struct queued {
    std::uint64_t block = 0;
    std::uint64_t generation = 0;
    instant planned{};
  };
  ledger_entry* settle(std::uint64_t block, settlement how, instant now);

  std::size_t entries_max_;
  nanos horizon_;
  std::uint64_t next_generation_ = 1;
  absl::flat_hash_map<std::uint64_t, slot> entries_;
  std::deque<queued> order_; ///< Every entry once, oldest first; stale ones are skipped.
  std::size_t expired_ = 0;  ///< How far `expire` has come in `order_`.
  ledger_totals totals_;
};

} // namespace forerun::prefetch
