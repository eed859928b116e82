#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace forerun::predict {

/// The last requests in order, and where each start was seen before. It grows with use up to its bound, then
/// the oldest are overwritten. 20 bytes for each request.
class replay_log {
public:
  struct entry {
    std::uint64_t start = 0;
    std::uint32_t count = 0;
    std::uint32_t back = 0; ///< So far back lies the one before with the same hash; 0: none.
  };

  /// At most `size_max` requests are held; it is rounded up to a power of two.
  explicit replay_log(std::size_t size_max);

  void append(std::uint64_t start, std::uint32_t count);
  /// Positions count all requests ever; those from `begin` to `end` are held.
  std::uint64_t begin() const { return end_ - entries_.size(); }
  std::uint64_t end() const { return end_; }
  const entry& at(std::uint64_t position) const { return entries_[position & mask_]; }
  /// The latest positions of this start, latest first, at most `count` of them, at least `distance` back.
  void find(std::uint64_t start, std::size_t count, std::uint64_t distance,
            std::vector<std::uint64_t>& out) const;
  std::size_t memory_bytes() const {
    return entries_.capacity() * sizeof(entry) + index_.capacity() * sizeof(std::uint32_t);
  }

private:
  std::size_t slot(std::uint64_t start) const;
  void link(std::uint64_t position);
  void rebuild_index();

  std::uint64_t mask_;
  std::vector<entry> entries_;
  std::vector<std::uint32_t> index_; ///< Position + 1 of the latest request with that hash, cut to 32 bits.
  std::uint64_t end_ = 0;
};

} // namespace forerun::predict
