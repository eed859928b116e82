#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace forerun::predict {

struct mix_budget_limits {
  float traffic_max = 1.3f;    ///< Blocks moved, of what a plain cache would have moved.
  float threshold = 0.24f;     ///< Least probability to move a block, where traffic is cheap.
  float credit_start = 64;     ///< Blocks that may be moved on trust.
  float precision_min = 0.24f; ///< Of moved blocks so many must be used, or trust ends.
};

/// What may be moved ahead, whatever the experts believe. Two accounts, both of which must be in credit:
/// trust, so that the waste is at most the starting credit, a share of the misses and a share of what was
/// useful; and traffic, on which a plain cache's misses are paid in, `traffic_max` for each, and everything
/// that moves is paid out. What the operator allows says what a wasted block costs: the less, the surer a
/// block has to be, above all one that was never read before.
class mix_budget {
public:
  /// `cache_blocks`: at the usual `traffic_max` the account of traffic holds 16 times so many blocks, for
  /// bursts, and begins with a fifth of them.
  mix_budget(const mix_budget_limits& limits, std::size_t cache_blocks)
      : limits_(limits), dear_(std::clamp((cheap - limits.traffic_max) / (cheap - dear), 0.0f, 1.0f)),
        traffic_most_(16 *
                      std::clamp(static_cast<float>(cache_blocks) * (limits.traffic_max - 1) / (cheap - 1),
                                 64.0f, blocks_most)),
        credit_(limits.credit_start), traffic_(traffic_start()) {}

  /// Least probability that is worth a transfer now. It rises while the account of traffic runs out, so that
  /// a scarce budget goes to the surest blocks; above 1: nothing is.
  float threshold(bool cold) const {
    if (credit_ < 1 || traffic_ < 1)
      return 2;
    const auto least = at_price(cold ? 0.85f : 0.5f);
    const auto empty = 1 - std::min(1.0f, traffic_ / scarce());
    return least + std::max(0.0f, 0.95f - least) * empty * empty;
  }
  /// So many outcomes must be known of blocks in the same position: where traffic is dear, a few lucky ones
  /// prove nothing.
  float proof_min() const { return 32 * dear_; }
  /// Whether there is something left for guesses on a first run, which no block's own record supports. At
  /// first half of what the account began with is theirs; the more the experts move who are judged by every
  /// block, the more is kept for these.
  bool affords_guesses() const {
    return traffic_ >= std::min(2 * traffic_start(), (traffic_start() + issued_) / 2);
  }
  /// The least threshold, for how far experts look.
  float base() const { return at_price(0.5f); }

  void issued() {
    credit_ -= 1;
    traffic_ -= 1;
    issued_ += 1;
  }
  void guessed(std::uint32_t blocks) { traffic_ -= static_cast<float>(blocks); }
  void used() { earn(1 / limits_.precision_min); }
  void missed(std::uint32_t blocks) {
    earn(static_cast<float>(blocks) * 0.01f);
    traffic_ = std::max(traffic_ - static_cast<float>(blocks), -traffic_most_);
  }
  /// So many blocks a plain cache would have missed.
  void plain_missed(std::uint32_t blocks) {
    traffic_ = std::min(traffic_ + static_cast<float>(blocks) * limits_.traffic_max, traffic_most_);
  }

private:
  static constexpr float blocks_most = 1u << 16, start_most = 1u << 13;
  static constexpr float cheap = 1.3f, dear = 1.02f; ///< Of `traffic_max`.

  float scarce() const { return traffic_most_ / 16; }
  float traffic_start() const { return std::min(traffic_most_ / 80, start_most); }
  float at_price(float where_dear) const {
    return limits_.threshold + dear_ * std::max(0.0f, where_dear - limits_.threshold);
  }
  void earn(float blocks) { credit_ = std::min(credit_ + blocks, 64 * limits_.credit_start); }

  mix_budget_limits limits_;
  float dear_; ///< How much a wasted block costs, 0 to 1.
  float traffic_most_;
  float credit_;
  float traffic_;
  float issued_ = 0; ///< In all; beyond 2^24 it may stand still.
};

} // namespace forerun::predict
