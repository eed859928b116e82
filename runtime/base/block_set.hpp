#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <memory>

namespace forerun {

/// A set of block numbers: one bit for each block, in chunks that are made when they are first needed. 4 KiB
/// of memory for each 128 MiB of a volume in which something was touched.
class block_set {
public:
  /// True if it was not in the set before.
  bool insert(std::uint64_t block) {
    auto& chunk = chunks_[block / chunk_blocks];
    if (!chunk)
      chunk = std::make_unique<bits>();
    auto& word = (*chunk)[block % chunk_blocks / 64];
    const auto bit = std::uint64_t{1} << (block % 64);
    const bool fresh = (word & bit) == 0;
    word |= bit;
    size_ += fresh;
    return fresh;
  }
  bool contains(std::uint64_t block) const {
    const auto found = chunks_.find(block / chunk_blocks);
    return found != chunks_.end() && ((*found->second)[block % chunk_blocks / 64] >> (block % 64) & 1) != 0;
  }
  /// Calls `visit(block)` for each block, in order.
  template <class Visit> void each(Visit visit) const {
    for (const auto& [number, chunk] : chunks_)
      for (std::uint64_t word = 0; word < chunk->size(); ++word)
        for (auto rest = (*chunk)[word]; rest != 0; rest &= rest - 1)
          visit(number * chunk_blocks + word * 64 + static_cast<std::uint64_t>(std::countr_zero(rest)));
  }
  std::uint64_t size() const { return size_; }
  void clear() {
    chunks_.clear();
    size_ = 0;
  }

private:
  static constexpr std::uint64_t chunk_blocks = 32768;
  using bits = std::array<std::uint64_t, chunk_blocks / 64>;
  std::map<std::uint64_t, std::unique_ptr<bits>> chunks_;
  std::uint64_t size_ = 0;
};

} // namespace forerun
