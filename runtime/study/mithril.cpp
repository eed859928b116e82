#include "runtime/study/mithril.hpp"
#include <algorithm>

namespace forerun::study {

void mithril::observe(const access& seen, const residency&, const predict::link_figures&, wishes& out) {
  // What was prefetched and is now used would have been missed.
  const bool missed = seen.how != outcome::hit || seen.first_use_blocks > 0;
  for (auto block = seen.where.first; block < seen.where.end(); ++block) {
    if (missed)
      record(block);
    const auto known = partners_.find(block);
    if (known == partners_.end())
      continue;
    for (std::uint8_t i = 0; i < known->second.count; ++i)
      out.fetch.push_back({.where = {known->second.blocks[i], 1}});
  }
}

void mithril::record(std::uint64_t block) {
  if (rows_.size() >= recorded_max) {
    rows_.clear();
    supported_.clear();
  }
  auto& mine = rows_[block];
  ++misses_;
  if (mine.count < support_max)
    mine.at[mine.count] = misses_;
  if (mine.count <= support_max)
    ++mine.count;
  if (mine.count != support_min)
    return;
  supported_.push_back(block);
  if (supported_.size() >= mined_rows)
    mine_all();
}

void mithril::mine_all() {
  std::vector<std::pair<std::uint64_t, row>> table;
  for (const auto block : supported_) {
    const auto at = rows_.find(block);
    if (at == rows_.end())
      continue;
    if (at->second.count <= support_max) {
      table.emplace_back(block, at->second);
      rows_.erase(at);
    }
  }
  supported_.clear();
  std::sort(table.begin(), table.end(),
            [](const auto& a, const auto& b) { return a.second.at[0] < b.second.at[0]; });
  for (std::size_t i = 0; i < table.size(); ++i)
    for (auto j = i + 1; j < table.size(); ++j) {
      const auto& one = table[i].second;
      const auto& other = table[j].second;
      if (other.at[0] - one.at[0] > range)
        break;
      if (one.count != other.count)
        continue;
      bool near = true, next = false;
      for (std::uint32_t k = 0; k < one.count; ++k) {
        const auto apart = one.at[k] > other.at[k] ? one.at[k] - other.at[k] : other.at[k] - one.at[k];
        near = near && apart <= range;
        next = next || apart == 1;
      }
      if (near && next)
        associate(table[i].first, table[j].first);
    }
}

void mithril::associate(std::uint64_t from, std::uint64_t to) {
  if (partners_.size() >= tables_max)
    partners_.clear();
  auto& known = partners_[from];
  if (std::find(known.blocks.begin(), known.blocks.begin() + known.count, to) !=
      known.blocks.begin() + known.count)
    return;
  known.blocks[known.next] = to;
  known.next = static_cast<std::uint8_t>((known.next + 1) % associated_max);
  known.count = static_cast<std::uint8_t>(std::min<std::size_t>(known.count + 1u, associated_max));
}

} // namespace forerun::study
