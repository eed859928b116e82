#pragma once
#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <cstdint>
#include <vector>

namespace forerun::provenance {

/// The heaviest of many keys, with a fixed number of counters: Space-Saving (Metwally, Agrawal, El Abbadi:
/// Efficient Computation of Frequent and Top-k Elements in Data Streams, ICDT 2005), with weights and in
/// batches. When all counters are taken the smallest quarter is given up at once, instead of one for each new
/// key, which takes a time that does not grow with their number (Anderson et al.: A High-Performance
/// Algorithm for Identifying Frequent Items in Data Streams, IMC 2017). A key that comes later begins with
/// the most that a counter which was given up had, since that may be its own. So the true amount of a key
/// lies between `amount - over` and `amount`, and that of a key without a counter is at most `others_max()`;
/// which is at most all that was added, divided by three quarters of the number of counters. One thread.
template <class Key> class space_saving {
public:
  struct counter {
    Key key;
    std::uint64_t amount = 0;
    std::uint64_t over = 0; ///< So much of it may have been of other keys.
  };

  /// `room`: so many counters, at least 4.
  explicit space_saving(std::size_t room) : room_(room) {}

  void add(const Key& key, std::uint64_t amount) {
    if (amount == 0)
      return;
    if (const auto found = counts_.find(key); found != counts_.end()) {
      found->second.amount += amount;
      return;
    }
    if (counts_.size() >= room_)
      give_up_smallest();
    counts_.emplace(key, count{others_max_ + amount, others_max_, born_++});
  }

  /// The heaviest, at most `max`, heaviest first; of equal ones those that came first.
  std::vector<counter> top(std::size_t max) const {
    using ranked = std::pair<rank, const Key*>;
    std::vector<ranked> all;
    for (const auto& [key, it] : counts_)
      all.emplace_back(it.place(), &key);
    const auto shown = std::min(max, all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown), all.end(),
                      [](const ranked& a, const ranked& b) { return b.first < a.first; });
    std::vector<counter> out;
    for (std::size_t i = 0; i < shown; ++i) {
      const auto& it = counts_.at(*all[i].second);
      out.push_back({*all[i].second, it.amount, it.over});
    }
    return out;
  }
  /// No key without a counter has more. 0: every key has one, and all amounts are exact.
  std::uint64_t others_max() const { return others_max_; }
  std::size_t counters() const { return counts_.size(); }

private:
  /// The order of counters, so that it does not depend on chance: the larger is the heavier.
  using rank = std::pair<std::uint64_t, std::uint64_t>;
  struct count {
    std::uint64_t amount;
    std::uint64_t over;
    std::uint64_t born;
    rank place() const { return {amount, ~born}; }
  };
  void give_up_smallest() {
    std::vector<rank> ranks;
    ranks.reserve(counts_.size());
    for (const auto& [key, it] : counts_)
      ranks.push_back(it.place());
    const auto last = ranks.begin() + static_cast<std::ptrdiff_t>(room_ / 4 - 1);
    std::nth_element(ranks.begin(), last, ranks.end());
    others_max_ = last->first;
    absl::erase_if(counts_, [last](const auto& it) { return it.second.place() <= *last; });
  }

  std::size_t room_;
  absl::flat_hash_map<Key, count> counts_;
  std::uint64_t born_ = 0;
  std::uint64_t others_max_ = 0;
};

} // namespace forerun::provenance
