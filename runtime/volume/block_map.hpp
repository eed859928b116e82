#pragma once
#include "runtime/store/zero_pages.hpp"
#include <atomic>
#include <cstdint>
#include <optional>

namespace forerun::volume {

/// Where the clean blocks of an image are in memory: one atomic word for each block. I/O threads read it
/// without a lock; the image's actor publishes and marks, the tier's actor withdraws. The words take 4 bytes
/// for each block that was ever touched (pages are zero until then).
class block_map {
public:
  explicit block_map(std::uint64_t blocks) : blocks_(blocks), words_(blocks) {}

  class word {
  public:
    explicit word(std::uint32_t bits) : bits_(bits) {}
    /// The pool slot that holds the block, if any.
    std::optional<std::uint32_t> slot() const {
      if ((bits_ & slot_mask) == 0)
        return std::nullopt;
      return (bits_ & slot_mask) - 1;
    }
    /// Prefetched and not read since.
    bool fresh() const { return (bits_ & fresh_bit) != 0; }
    /// A fetch of it is under way.
    bool in_flight() const { return (bits_ & flight_bit) != 0; }

  private:
    std::uint32_t bits_;
  };

  std::uint64_t blocks() const { return blocks_; }
  word at(std::uint64_t block) const { return word{words_[block].load(std::memory_order_seq_cst)}; }

  /// I/O threads: takes the mark off; true for the one caller that did.
  bool use_first(std::uint64_t block) {
    return (words_[block].fetch_and(~fresh_bit, std::memory_order_acq_rel) & fresh_bit) != 0;
  }
  void mark_fresh(std::uint64_t block) { words_[block].fetch_or(fresh_bit, std::memory_order_acq_rel); }
  void mark_in_flight(std::uint64_t block, bool yes) {
    if (yes)
      words_[block].fetch_or(flight_bit, std::memory_order_acq_rel);
    else
      words_[block].fetch_and(~flight_bit, std::memory_order_acq_rel);
  }
  /// Makes a filled slot visible. False, and nothing changed, when the block has a slot already.
  bool publish(std::uint64_t block, std::uint32_t slot) {
    auto bits = words_[block].load(std::memory_order_relaxed);
    do {
      if ((bits & slot_mask) != 0)
        return false;
    } while (!words_[block].compare_exchange_weak(bits, bits | (slot + 1), std::memory_order_acq_rel));
    return true;
  }
  /// Takes the block out of memory; its other marks stay. Returns the slot that it had.
  std::optional<std::uint32_t> withdraw(std::uint64_t block) {
    return word{words_[block].fetch_and(~slot_mask, std::memory_order_seq_cst)}.slot();
  }

private:
  static constexpr std::uint32_t slot_mask = (1u << 26) - 1;
  static constexpr std::uint32_t fresh_bit = 1u << 26;
  static constexpr std::uint32_t flight_bit = 1u << 27;

  std::uint64_t blocks_;
  store::zero_pages<std::atomic<std::uint32_t>> words_;
};

/// The largest pool that the words can name, in slots.
inline constexpr std::uint32_t pool_slots_max = (1u << 26) - 2;

} // namespace forerun::volume
