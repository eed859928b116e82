#pragma once
#include <absl/container/flat_hash_map.h>
#include <cstddef>
#include <cstdint>

namespace forerun::predict {

/// A sparse set of block numbers: 64 neighbours share one word, since reads come in runs. About 20 bytes per
/// touched word. The owner bounds its size.
class sparse_blocks {
public:
  bool contains(std::uint64_t block) const {
    const auto word = words_.find(block >> 6);
    return word != words_.end() && ((word->second >> (block & 63)) & 1) != 0;
  }
  /// Whether it is new.
  bool insert(std::uint64_t block) {
    auto& word = words_[block >> 6];
    const auto bit = std::uint64_t{1} << (block & 63);
    if ((word & bit) != 0)
      return false;
    word |= bit;
    ++size_;
    return true;
  }
  std::size_t size() const { return size_; }

private:
  absl::flat_hash_map<std::uint64_t, std::uint64_t> words_;
  std::size_t size_ = 0;
};

} // namespace forerun::predict
