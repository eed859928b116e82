#pragma once
#include "runtime/base/result.hpp"
#include "runtime/predict/foresight.hpp"
#include "runtime/predict/run_codec.hpp"
#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace forerun::predict {

/// What the history of one image may take. At a limit the runs of the group that was matched longest ago go
/// first.
struct history_limits {
  std::size_t runs_max = 32;            ///< Finished runs kept; at most `history_groups_max`.
  std::size_t group_runs_max = 4;       ///< Of them alike; more add nothing, and would push out others.
  std::size_t run_blocks_min = 16;      ///< Shorter runs are a look at the volume, and teach nothing.
  std::size_t run_blocks_max = 1 << 18; ///< Blocks of one run; what it touches later is counted and left out.
  std::size_t table_entries_max = 1 << 20;   ///< Blocks of all groups together, 20 bytes each.
  std::size_t active_max = 64;               ///< Runs followed at once.
  std::size_t active_blocks_max = 1 << 20;   ///< Blocks remembered for all of them together.
  std::size_t snapshot_bytes_max = 32 << 20; ///< A larger snapshot is refused.
};

inline constexpr std::size_t history_groups_max = 32;
inline constexpr std::size_t label_bytes_max = 128; ///< Longer program labels are cut.

/// Finished runs of one image, and the tables made of them: which blocks a group of like runs reads, how
/// often, when. Runs are grouped only if they are almost the same, because a merged hypothesis predicts
/// neither of its parts. Sparse; adding a run touches only that run's blocks. One thread.
class history_library {
public:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  /// One block in one group.
  struct entry {
    std::uint32_t block = none; ///< Index of the block in the tables.
    std::uint32_t next = none;  ///< The same block in another group.
    std::uint32_t rank_sum = 0; ///< Of first touch, in blocks since the start, summed over its runs.
    std::uint32_t think_sum = 0;
    std::uint8_t group = 0; ///< Slot.
    std::uint8_t runs = 0;  ///< How many of the group's runs read it.
  };
  /// Runs that are taken for the same program. A slot with no runs is free.
  struct group {
    std::uint32_t number = 0; ///< Never used again for another group.
    std::uint32_t runs = 0;
    std::uint64_t matched = 0; ///< When it last explained a run; greater is later.
    std::string label;         ///< Empty: not known.
  };

  explicit history_library(const history_limits& limits) : limits_(limits) {
    limits_.runs_max = std::min(limits_.runs_max, history_groups_max);
  }

  /// Keeps a finished run. A run with a label that is only the beginning of one already kept adds nothing,
  /// and one that goes on where a kept one was cut off replaces it.
  void add(std::span<const touch> touches, std::string_view label);
  /// The group explained a run that just ended.
  void matched(std::uint32_t slot) { groups_[slot].matched = ++clock_; }

  const std::array<group, history_groups_max>& groups() const { return groups_; }
  std::size_t groups_used() const { return groups_used_; }
  std::size_t runs() const { return runs_.size(); }
  /// Changes whenever a slot gets or loses a group, and when the image was looked at.
  std::uint64_t version() const { return version_; }
  std::size_t table_entries() const { return entries_.size() - free_entries_.size(); }
  std::size_t stored_bytes() const;

  /// Calls f(entry) for every group that has the block.
  template <class F> void each(std::uint64_t block, F&& f) const {
    if (const auto index = indices_.find(block); index != indices_.end())
      each_at(index->second, f);
  }
  bool has(std::uint64_t block) const { return indices_.contains(block); }
  /// Calls f(block, index for `each_at`) for every block of any group, in no useful order.
  template <class F> void each_block(F&& f) const {
    for (std::uint32_t index = 0; index < heads_.size(); ++index)
      if (heads_[index] != none)
        f(blocks_[index], index);
  }
  template <class F> void each_at(std::uint32_t index, F&& f) const {
    for (auto at = heads_[index]; at != none; at = entries_[at].next)
      f(entries_[at]);
  }

  /// What the image itself says, in place of what was said before; kept elsewhere, and not in `save`.
  void foresee(foresight what) {
    foreseen_ = std::make_shared<const foresight>(std::move(what));
    ++version_;
  }
  /// Never null; empty when nobody looked.
  const std::shared_ptr<const foresight>& foreseen() const { return foreseen_; }

  /// All runs as bytes: version, runs, checksum. See docs/formats/history.md.
  std::vector<std::byte> save() const;
  /// Replaces everything. Fails with `corrupt` (and `unsupported` for a version that this build does not
  /// know); then nothing has changed.
  result<void> load(std::span<const std::byte> bytes);

private:
  struct stored_run {
    std::uint32_t slot = 0;
    std::uint64_t order = 0; ///< When it was added; smaller is older.
    std::uint32_t blocks = 0;
    std::vector<std::byte> bytes;
  };
  /// How a run and a group overlap, in blocks; of the group those count that half of its runs read.
  struct overlap {
    std::size_t both = 0;
    std::size_t group = 0;
  };

  std::array<overlap, history_groups_max> overlaps(std::span<const touch> touches) const;
  std::uint32_t free_slot();
  void put(std::span<const touch> touches, std::size_t blocks, std::uint32_t slot);
  void put_block(std::uint64_t block, std::uint32_t slot, std::uint32_t rank, std::uint32_t think);
  void drop(std::size_t run);
  void drop_block(std::uint64_t block, std::uint32_t slot, std::uint32_t rank, std::uint32_t think);
  void drop_group(std::uint32_t slot);
  std::size_t oldest_of(std::uint32_t slot) const;
  void make_room(std::size_t blocks, std::uint32_t keep);

  history_limits limits_;
  std::array<group, history_groups_max> groups_;
  std::size_t groups_used_ = 0;
  std::uint32_t next_number_ = 1;
  std::uint64_t clock_ = 0;
  std::uint64_t version_ = 1;
  std::shared_ptr<const foresight> foreseen_ = std::make_shared<const foresight>();
  std::vector<stored_run> runs_; ///< At most `runs_max`.

  absl::flat_hash_map<std::uint64_t, std::uint32_t> indices_;
  std::vector<std::uint64_t> blocks_; ///< Block number by index.
  std::vector<std::uint32_t> heads_;  ///< First entry by index.
  std::vector<entry> entries_;
  std::vector<std::uint32_t> free_indices_;
  std::vector<std::uint32_t> free_entries_;
};

} // namespace forerun::predict
