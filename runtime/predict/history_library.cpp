#include "runtime/predict/history_library.hpp"
#include <algorithm>

namespace forerun::predict {
namespace {

/// Two boots of one program share 0.993 and more of their blocks, boots of two programs 0.35 to 0.66.
constexpr double same_program_jaccard = 0.95;
/// A run that lies inside another to this share is its beginning, if both carry the same label.
constexpr double contained_share = 0.98;

std::size_t blocks_in(std::span<const touch> touches) {
  std::size_t blocks = 0;
  for (const auto& touched : touches)
    blocks += touched.where.count;
  return blocks;
}

bool labels_agree(std::string_view a, std::string_view b) {
  return a.empty() || b.empty() || a == b;
}

} // namespace

void history_library::add(std::span<const touch> touches, std::string_view label) {
  const auto blocks = blocks_in(touches);
  if (blocks < limits_.run_blocks_min || blocks > limits_.run_blocks_max)
    return;
  label = label.substr(0, label_bytes_max);
  const auto shared = overlaps(touches);
  auto slot = none;
  double best = same_program_jaccard;
  for (std::uint32_t at = 0; at < groups_.size(); ++at) {
    if (groups_[at].runs == 0 || !labels_agree(groups_[at].label, label))
      continue;
    const auto both = static_cast<double>(shared[at].both);
    const auto jaccard = both / (static_cast<double>(blocks) + static_cast<double>(shared[at].group) - both);
    if (jaccard >= best) {
      best = jaccard;
      slot = at;
    }
  }
  if (slot == none && !label.empty()) {
    for (std::uint32_t at = 0; at < groups_.size(); ++at) {
      if (groups_[at].runs == 0 || groups_[at].label != label)
        continue;
      const auto both = static_cast<double>(shared[at].both);
      if (both >= contained_share * static_cast<double>(blocks))
        return;
      if (both >= contained_share * static_cast<double>(shared[at].group))
        drop_group(at);
    }
  }
  if (slot != none && groups_[slot].runs >= limits_.group_runs_max)
    drop(oldest_of(slot));
  make_room(blocks, slot);
  if (slot == none || groups_[slot].runs == 0)
    slot = free_slot();
  if (groups_[slot].label.empty())
    groups_[slot].label = label;
  put(touches, blocks, slot);
  matched(slot);
}

std::size_t history_library::stored_bytes() const {
  std::size_t bytes = 0;
  for (const auto& run : runs_)
    bytes += run.bytes.size();
  return bytes;
}

std::array<history_library::overlap, history_groups_max>
history_library::overlaps(std::span<const touch> touches) const {
  std::array<overlap, history_groups_max> shared{};
  const auto usual = [this](const entry& it) { return 2u * it.runs >= groups_[it.group].runs; };
  for (const auto& it : entries_)
    if (it.runs > 0 && usual(it))
      ++shared[it.group].group;
  for (const auto& touched : touches)
    for (auto block = touched.where.first; block < touched.where.end(); ++block)
      each(block, [&](const entry& it) {
        if (usual(it))
          ++shared[it.group].both;
      });
  return shared;
}

std::uint32_t history_library::free_slot() {
  // There are as many slots as runs, and room was made for one more run.
  const auto free =
      std::find_if(groups_.begin(), groups_.end(), [](const group& it) { return it.runs == 0; });
  *free = group{.number = next_number_++};
  ++groups_used_;
  ++version_;
  return static_cast<std::uint32_t>(free - groups_.begin());
}

void history_library::put(std::span<const touch> touches, std::size_t blocks, std::uint32_t slot) {
  indices_.reserve(indices_.size() + blocks);
  std::uint32_t rank = 0;
  for (const auto& touched : touches)
    for (auto block = touched.where.first; block < touched.where.end(); ++block)
      put_block(block, slot, rank++, touched.think);
  ++groups_[slot].runs;
  runs_.push_back({slot, ++clock_, static_cast<std::uint32_t>(blocks), encode_run(touches)});
}

void history_library::put_block(std::uint64_t block, std::uint32_t slot, std::uint32_t rank,
                                std::uint32_t think) {
  const auto [known, is_new] = indices_.try_emplace(block, 0);
  if (is_new) {
    if (free_indices_.empty()) {
      known->second = static_cast<std::uint32_t>(heads_.size());
      heads_.push_back(none);
      blocks_.push_back(block);
    } else {
      known->second = free_indices_.back();
      free_indices_.pop_back();
      blocks_[known->second] = block;
    }
  }
  const auto index = known->second;
  auto at = heads_[index];
  while (at != none && entries_[at].group != slot)
    at = entries_[at].next;
  if (at == none) {
    if (free_entries_.empty()) {
      at = static_cast<std::uint32_t>(entries_.size());
      entries_.emplace_back();
    } else {
      at = free_entries_.back();
      free_entries_.pop_back();
    }
    entries_[at] = {.block = index, .next = heads_[index], .group = static_cast<std::uint8_t>(slot)};
    heads_[index] = at;
  }
  auto& it = entries_[at];
  it.rank_sum += rank;
  it.think_sum += think;
  ++it.runs;
}

void history_library::drop(std::size_t run) {
  const auto dropped = std::move(runs_[run]);
  runs_.erase(runs_.begin() + static_cast<std::ptrdiff_t>(run));
  const auto touches = decode_run(dropped.bytes, limits_.run_blocks_max).value();
  std::uint32_t rank = 0;
  for (const auto& touched : touches)
    for (auto block = touched.where.first; block < touched.where.end(); ++block)
      drop_block(block, dropped.slot, rank++, touched.think);
  auto& from = groups_[dropped.slot];
  if (--from.runs == 0) {
    from = {};
    --groups_used_;
    ++version_;
  }
}

void history_library::drop_block(std::uint64_t block, std::uint32_t slot, std::uint32_t rank,
                                 std::uint32_t think) {
  const auto known = indices_.find(block);
  const auto index = known->second;
  auto* link = &heads_[index];
  while (entries_[*link].group != slot)
    link = &entries_[*link].next;
  auto& it = entries_[*link];
  it.rank_sum -= rank;
  it.think_sum -= think;
  if (--it.runs > 0)
    return;
  free_entries_.push_back(*link);
  *link = it.next;
  it = {};
  if (heads_[index] == none) {
    indices_.erase(known);
    free_indices_.push_back(index);
  }
}

void history_library::drop_group(std::uint32_t slot) {
  while (groups_[slot].runs > 0)
    drop(oldest_of(slot));
}

std::size_t history_library::oldest_of(std::uint32_t slot) const {
  std::size_t oldest = runs_.size();
  for (std::size_t at = 0; at < runs_.size(); ++at)
    if (runs_[at].slot == slot && (oldest == runs_.size() || runs_[at].order < runs_[oldest].order))
      oldest = at;
  return oldest;
}

void history_library::make_room(std::size_t blocks, std::uint32_t keep) {
  while (!runs_.empty() &&
         (runs_.size() >= limits_.runs_max || table_entries() + blocks > limits_.table_entries_max)) {
    auto victim = none;
    for (std::uint32_t at = 0; at < groups_.size(); ++at)
      if (groups_[at].runs > 0 && (at != keep || groups_used_ == 1) &&
          (victim == none || groups_[at].matched < groups_[victim].matched))
        victim = at;
    drop(oldest_of(victim));
  }
}

} // namespace forerun::predict
