#pragma once
#include "runtime/base/prediction.hpp"
#include <absl/container/flat_hash_map.h>
#include <span>

namespace forerun::predict {

/// What somebody who looked at an image says a run will read, before any run was seen. A value; it does not
/// know how that was found out.
class foresight {
public:
  static constexpr std::size_t blocks_max = 1u
                                            << 17; ///< 24 bytes each; what is ranked behind them is left out.

  struct chance {
    float probability = 0;
    std::uint32_t rank = 0; ///< How many blocks are said to come before it.
    std::uint32_t detail = 0;
  };

  foresight() = default;
  /// In the order in which they will be wanted. Of a block that is named twice the first counts, and
  /// probabilities that are none are left out.
  explicit foresight(std::span<const prediction> ranked) {
    for (const auto& each : ranked)
      for (auto block = each.where.first; block < each.where.end() && blocks_.size() < blocks_max; ++block)
        if (each.probability > 0 && each.probability <= 1)
          blocks_.try_emplace(
              block, chance{each.probability, static_cast<std::uint32_t>(blocks_.size()), each.detail});
  }

  bool empty() const { return blocks_.empty(); }
  std::size_t size() const { return blocks_.size(); }
  /// Null for a block of which nothing is said.
  const chance* find(std::uint64_t block) const {
    const auto found = blocks_.find(block);
    return found == blocks_.end() ? nullptr : &found->second;
  }
  /// Calls f(block, chance), in no useful order.
  template <class F> void each(F&& f) const {
    for (const auto& [block, said] : blocks_)
      f(block, said);
  }

private:
  absl::flat_hash_map<std::uint64_t, chance> blocks_;
};

} // namespace forerun::predict
