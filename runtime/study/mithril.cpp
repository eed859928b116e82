#include "runtime/study/mithril.hpp"
#include <algorithm>

namespace forerun::study {
namespace {

std::uint32_t apart(std::uint32_t one, std::uint32_t other) {
  return one > other ? one - other : other - one;
}

} // namespace

void mithril::observe(const access& seen, const residency&, const predict::link_figures&, wishes& out) {
  ++now_;
  const auto block = seen.where.first;
  if (lengths_.size() >= tables_max)
    lengths_.clear();
  lengths_[block] = seen.where.count;
  if (seen.how == outcome::miss)
    record(block);
  const auto known = partners_.find(block);
  if (known == partners_.end())
    return;
  for (std::uint8_t i = 0; i < known->second.count; ++i)
    if (const auto length = lengths_.find(known->second.blocks[i]); length != lengths_.end())
      out.fetch.push_back({.where = {length->first, length->second}});
}

void mithril::record(std::uint64_t block) {
  if (const auto known = mining_at_.find(block); known != mining_at_.end()) {
    auto& mine = mining_[known->second];
    if (mine.count < support_max) {
      mine.at[mine.count++] = now_;
      return;
    }
    mining_at_[mining_.back().block] = known->second;
    mine = mining_.back();
    mining_.pop_back();
    mining_at_.erase(block);
    return;
  }
  if (recorded_.size() >= recorded_max)
    recorded_.clear();
  const auto [once, fresh] = recorded_.try_emplace(block, now_);
  if (fresh)
    return;
  static_assert(support_min == 2, "a row that is recorded has one time");
  mining_at_[block] = mining_.size();
  mining_.push_back({.block = block, .at = {once->second, now_}, .count = support_min});
  recorded_.erase(once);
  if (mining_.size() >= mined_rows_)
    mine_all();
}

void mithril::mine_all() {
  // No two rows began with the same request.
  std::sort(mining_.begin(), mining_.end(), [](const row& a, const row& b) { return a.at[0] < b.at[0]; });
  for (std::size_t i = 0; i < mining_.size(); ++i) {
    bool nearest = true;
    for (auto j = i + 1; j < mining_.size(); ++j) {
      const auto& one = mining_[i];
      const auto& other = mining_[j];
      if (other.at[0] - one.at[0] > range)
        break;
      if (apart(one.count, other.count) > slack)
        continue;
      if (together(one, other, nearest))
        associate(one.block, other.block);
      nearest = false;
    }
  }
  mining_.clear();
  mining_at_.clear();
}

bool mithril::together(const row& one, const row& other, bool nearest) {
  std::uint32_t far = 0;
  bool next = false;
  for (std::uint32_t k = 0; k < std::min(one.count, other.count); ++k) {
    const auto distance = apart(one.at[k], other.at[k]);
    far += distance > range;
    next = next || distance == 1;
  }
  return far <= slack && (next || nearest);
}

void mithril::associate(std::uint64_t from, std::uint64_t to) {
  if (partners_.size() >= tables_max)
    partners_.clear();
  auto& known = partners_[from];
  const auto end = known.blocks.begin() + known.count;
  if (std::find(known.blocks.begin(), end, to) != end)
    return;
  known.blocks[known.next] = to;
  known.next = static_cast<std::uint8_t>((known.next + 1) % associated_max);
  known.count = static_cast<std::uint8_t>(std::min<std::size_t>(known.count + 1u, associated_max));
}

} // namespace forerun::study
