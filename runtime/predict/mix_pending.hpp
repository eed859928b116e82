#pragma once
#include "runtime/predict/mix_proposal.hpp"
#include <absl/container/flat_hash_map.h>
#include <array>
#include <deque>

namespace forerun::predict {

/// Proposals that wait for their truth, by block, in the order in which they were first made. At the bound
/// the oldest has to be settled first.
class mix_pending {
public:
  static constexpr std::uint16_t no_context = 0xffff;
  struct entry {
    std::uint64_t block = 0;
    std::uint32_t request = 0;   ///< When it was proposed first.
    std::uint32_t insertion = 0; ///< The same, in blocks that came into the cache.
    std::array<std::uint16_t, mix_voices> now{no_context, no_context,
                                              no_context}; ///< Latest context of each voice.
    std::array<std::uint16_t, 10> visited{};               ///< Contexts it went through: all of them learn.
    std::array<std::uint16_t, 8> joint{};                  ///< Joint contexts it went through.
    std::array<float, mix_voices> said{};                  ///< The latest chance of each voice,
    float estimate = -1;                                   ///< and of all together; below 0: none yet.
    float probability = 0;                                 ///< That made honest: what is said, and judged.
    std::uint8_t visited_count = 0;
    std::uint8_t joint_count = 0;
    std::uint8_t record = 0;
    bool issued = false;
    bool provisional = false; ///< Counted as false for the time being: what is true shows much earlier.
    bool used = false;        ///< The slot is taken.
    bool cold = false;        ///< The block was never read before.
  };

  explicit mix_pending(std::size_t entries_max) : entries_max_(entries_max) {}

  entry* find(std::uint64_t block) {
    const auto found = slots_.find(block);
    return found == slots_.end() ? nullptr : &entries_[found->second];
  }
  bool full() const { return slots_.size() >= entries_max_; }
  /// There is none for the block, and it is not full.
  entry& add(std::uint64_t block, std::uint32_t request, std::uint32_t insertion);
  void remove(entry& one);

  /// The oldest one, null if there is none.
  entry* oldest() { return front(by_age_); }
  /// The oldest one that is not yet provisional, null if there is none.
  entry* oldest_open() { return front(open_); }
  std::size_t size() const { return slots_.size(); }
  /// Calls f(entry) for each, in no useful order.
  template <class F> void each(F f) const {
    for (const auto& one : entries_)
      if (one.used)
        f(one);
  }
  std::size_t memory_bytes() const;

private:
  struct ticket {
    std::uint32_t slot = 0;
    std::uint32_t request = 0;
    std::uint64_t block = 0;
  };
  entry* front(std::deque<ticket>& queue);

  std::size_t entries_max_;
  std::vector<entry> entries_;
  std::vector<std::uint32_t> free_;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> slots_;
  std::deque<ticket> by_age_; ///< Tickets of removed entries are passed over; at most twice `entries_max`.
  std::deque<ticket> open_;
};

} // namespace forerun::predict
