#pragma once
#include "runtime/base/access.hpp"
#include "runtime/base/forecast.hpp"
#include "runtime/predict/history_blocks.hpp"
#include "runtime/predict/history_library.hpp"
#include <optional>

namespace forerun::predict {

/// Blocks below this probability are not forecast: lower costs bytes, higher costs seconds (a program that
/// was seen once states about 0.8 for its blocks).
inline constexpr float history_probability_min = 0.65f;

/// Follows one running run: which group of earlier runs is it like, what has it touched, what comes next.
/// Hypotheses are weighed by the likelihood of each first touch, tempered by a square root because touches
/// are not independent, with a fixed share for all so that a run may switch at any time (Herbster and
/// Warmuth, Machine Learning 32, 1998). Hypothesis 0 is "a program never seen", and if somebody looked at
/// the image there is one more: that it reads what the image says.
class history_tracker {
public:
  history_tracker(run_id run, std::string_view label, const history_library& library);

  /// Takes one access in; `room` is how many more blocks may be remembered. Returns how many were.
  std::size_t observe(const history_library& library, const access& seen, std::size_t room);
  /// The ranking is worth rebuilding: it was never made, the weights moved, or the run went on far since.
  bool due(const history_library& library) const;
  /// There is a ranking, of what the library holds now.
  bool ranked(const history_library& library) const { return ranked_ && version_ == library.version(); }
  /// The whole ranking of unread blocks. About a millisecond for 20,000 blocks: not for an I/O path.
  forecast rank(const history_library& library, instant now);
  /// That the run reads this block, now or later.
  float probability(const history_library& library, std::uint64_t block) const;

  /// Calls f(probability) for each of these blocks that a ranking of this run holds.
  template <class F> void each_ranked(const history_library& library, extent where, F&& f) const {
    for (auto block = where.first; ranked_ && block < where.end(); ++block)
      if (!seen_.contains(block))
        if (const auto chance = probability(library, block); chance >= history_probability_min)
          f(chance);
  }

  /// Slot of the group that explains the run with a weight above one half.
  std::optional<std::uint32_t> group() const;
  run_id run() const { return run_; }
  std::string_view label() const { return label_; }
  std::span<const touch> touches() const { return touches_; }
  std::size_t blocks() const { return seen_.size(); }
  std::uint64_t blocks_left_out() const { return left_out_; }

private:
  static constexpr std::size_t foreseen = history_groups_max + 1; ///< "What the image itself says."
  static constexpr std::size_t hypotheses = foreseen + 1;         ///< Else slot + 1; 0 is "never seen".
  using weights = std::array<float, hypotheses>;
  struct position {
    std::uint32_t rank = 0;
    std::uint32_t think = 0;
  };
  void start(const history_library& library);
  void follow(const history_library& library);
  void consider_foresight(const history_library& library);
  bool possible(const history_library& library, std::size_t hypothesis) const;
  void weigh(const history_library& library, std::span<const std::uint64_t> blocks);
  void move_cursor(const history_library& library, std::uint64_t block);
  void record(std::uint64_t block);
  void normalise();
  std::uint32_t think_units() const;
  std::uint32_t heaviest() const;
  position cursor() const;
  float pace(position at) const;

  run_id run_;
  std::string label_;
  weights weight_{};
  weights weight_ranked_{};                                ///< As they were at the last ranking.
  std::array<std::uint32_t, history_groups_max> number_{}; ///< Which group each weight is about; 0: none.
  std::uint64_t version_ = 0;                              ///< Of the library that the weights belong to.
  const foresight* foresight_ = nullptr;                   ///< That has a weight; only compared.
  std::uint32_t group_ranked_ = 0; ///< Number of the group the last ranking followed; 0: none.
  bool ranked_ = false;
  std::size_t blocks_ranked_ = 0; ///< Touched before the last ranking.

  sparse_blocks seen_;
  std::vector<touch> touches_; ///< At most `run_blocks_max`, since no block is in it twice.
  std::uint64_t left_out_ = 0;
  std::uint64_t think_ns_ = 0;
  std::array<position, 9> recent_{}; ///< Where the last reads lie in the heaviest group, as a ring.
  std::size_t recent_count_ = 0;
};

} // namespace forerun::predict
