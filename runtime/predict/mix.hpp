#pragma once
#include "runtime/base/access.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/base/prediction.hpp"
#include "runtime/base/residency.hpp"
#include "runtime/base/result.hpp"
#include "runtime/predict/calibration_map.hpp"
#include "runtime/predict/counter.hpp"
#include "runtime/predict/drift.hpp"
#include "runtime/predict/mix_budget.hpp"
#include "runtime/predict/mix_pending.hpp"
#include "runtime/predict/mix_proposal.hpp"
#include "runtime/predict/neighbourhood.hpp"
#include "runtime/predict/plain_cache.hpp"
#include "runtime/predict/replay.hpp"
#include "runtime/predict/scores.hpp"
#include "runtime/predict/stream.hpp"
#include "runtime/predict/votes.hpp"
#include <span>

namespace forerun::predict {

struct mix_limits {
  /// What "block" stands for here. Of elements whose numbers are no places, such as keys, votes are taken,
  /// too.
  element_kind elements = element_kind::image_block;
  std::size_t cache_blocks = 1u << 16;     ///< That the image's blocks share; how long a prediction may wait.
  std::size_t log_requests_max = 1u << 18; ///< 28 bytes each, made with use.
  std::size_t pending_max = 1u << 15; ///< Proposals that wait for their truth; 100 bytes each, made with use.
  std::size_t snapshot_bytes_max = 8u << 20; ///< Of what is loaded.
  double scores_memory = 1u << 16;           ///< Proposals after which an outcome counts 1/e; 0: for ever.
  float drift_bound = 256;                   ///< Of `drift_watch`.
  mix_budget_limits budget;
  neighbourhood_limits neighbourhood;
};

inline constexpr std::uint32_t request_blocks_max =
    8192; ///< Longer requests are cut; 32 MiB is NBD's usual limit.

/// What to do now.
struct mix_output {
  std::vector<prediction> fetch; ///< In extents of at most 64 blocks.
  /// Local blocks that are likely read again, for `protect` of the cache. At most 256.
  std::vector<std::uint64_t> keep;
};

struct mix_figures {
  std::uint64_t requests = 0;
  std::uint64_t proposed_blocks = 0; ///< Written down, whether moved or not.
  std::uint64_t issued_blocks =
      0; ///< By streams, association and what is around; without the first boot's fill.
  std::uint64_t used_blocks = 0; ///< Of those, read since.
  std::uint64_t drifts = 0;      ///< So often the rules changed, and what was learned before faded.
  std::size_t pending = 0;
  std::size_t memory_bytes = 0;
  neighbourhood_figures fill;
};

/// The names of the experts by which predictions and reports call them, in their order.
inline constexpr std::array mix_expert_names = {expert::stream, expert::association, expert::neighbourhood};

/// What became of the proposals, by the probability that they last had.
struct mix_scores {
  explicit mix_scores(double memory) : together(memory) { experts.fill(expert_scores(memory)); }
  std::array<expert_scores, mix_voices> experts; ///< Each voice by its own chance, of what it spoke of.
  expert_scores together;
};

/// The experts for traffic that no earlier run explains, on one image: streams, replay of the request log
/// (association; of keys the log's votes, too) and what lies around a miss, mixed to one calibrated
/// probability; and the fill of a first boot. All experts that propose a block meet in one pending entry.
/// Each of their contexts, and the joint context of all, learns from what became of the block, also when it
/// was only written down: nothing is moved before its context has proved itself, so that unpredictable
/// traffic costs nearly nothing.
///
/// Counts are kept per context, not per image: it takes a few hundred requests to learn. About 1 microsecond
/// for a block. At most about 12 MiB, made with use. A pure value; one thread.
class mix final : mix_bench {
public:
  explicit mix(const mix_limits& limits = {});

  /// One access, as soon as it is known: a miss when it arrives, not when it is answered. `explained`: the
  /// history expected it, so that nothing is filled in around it. Writes only settle what waited for a read.
  void observe(const access& seen, bool explained, const residency& here, const link_figures& link,
               mix_output& out);
  /// One access of another time: the order of reads is remembered for when it comes again. Nothing is
  /// proposed, and no expert is judged by it.
  void recall(const access& seen);
  /// A block that was moved ahead left the cache unread.
  void evicted_unused(std::uint64_t block);
  /// Blocks of a run that starts on the image are unread for the first boot's fill. Call it when no other run
  /// is going on.
  void begin_run() { fill_.forget(); }

  mix_figures figures() const;
  /// Of all proposals whose time is over. One that has waited longer than usual counts as not read so far.
  mix_scores scores() const;
  /// What was learned: counters and the request log.
  std::vector<std::byte> save() const;
  /// Replaces what was learned. Fails with `corrupt` or `unsupported`, and then nothing has changed.
  result<void> load(std::span<const std::byte> bytes);

private:
  float chance(mix_expert by, std::uint16_t context) const override {
    return counters_[index(by, context)].p;
  }
  bool known(std::uint64_t block) const override;
  float walk_min() const override { return walk_min_; }
  bool propose(mix_expert by, std::uint16_t context, std::uint64_t block, float requests_ahead) override;

  static std::uint16_t index(mix_expert by, std::uint16_t context);
  std::uint16_t joint_of(const mix_pending::entry& one) const;
  float probability(const mix_pending::entry& one, std::uint16_t joint) const;
  float least(bool cold, float requests_ahead) const;
  bool proved(const counter& one) const { return static_cast<float>(one.n) >= budget_.proof_min(); }
  void emit(std::uint64_t block, expert by, float probability, float requests_ahead);
  void touch(extent where, bool read);
  void settle(mix_pending::entry& one, bool used);
  void state(mix_pending::entry& one, float estimate, bool moved);
  static void judge(const mix_pending::entry& one, bool used, mix_scores& into);
  void expire();
  void fade();
  void prepare(); ///< Makes the tables that a mix without traffic does not need.
  void remember(extent where);
  void remember_outcome(std::uint64_t block, bool used);

  mix_limits limits_;
  std::vector<counter> counters_;     ///< Of all experts' contexts, one after the other.
  std::vector<counter> joint_;        ///< Levels of all experts and the block's own record.
  std::vector<std::uint8_t> records_; ///< Per hash of the block: two bits of failures, two of successes.
  std::vector<std::uint64_t> known_;  ///< A bit per hash of the block.
  mix_pending pending_;
  std::array<calibration_map, 2> maps_; ///< Of what was only written down, and of what was moved.
  mix_scores scores_;
  drift_watch drift_;
  plain_cache plain_;
  mix_budget budget_;
  stream_expert streams_;
  votes_expert votes_;
  replay_expert replay_;
  neighbourhood fill_;

  std::uint64_t requests_ = 0;
  std::uint64_t insertions_ = 0;
  float wait_requests_ = 16; ///< Mean time from a proposal to its read.
  float life_insertions_;    ///< Mean stay of an unused block in the cache.
  double gap_ns_ = 1e6;      ///< Mean time between requests.
  instant last_{};
  std::uint64_t proposed_ = 0, issued_ = 0, used_ = 0;

  // Only during `observe`.
  float walk_min_ = 1;
  float lead_ = 0;  ///< Requests that arrive while one fetch takes place.
  float eager_ = 1; ///< Of the threshold.
  extent asked_{};
  const residency* here_ = nullptr;
  mix_output* out_ = nullptr;
  instant now_{};
};

} // namespace forerun::predict
