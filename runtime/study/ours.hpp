#pragma once
#include "runtime/predict/history.hpp"
#include "runtime/predict/mix.hpp"
#include "runtime/study/prefetcher.hpp"

namespace forerun::study {

/// What ships: the history of earlier runs, and the mix of experts for what it does not explain. The
/// history's ranking is handed out in pieces of at most `ranked_step` blocks for each request, which is what
/// the queue of the prefetcher would let go.
class ours final : public prefetcher {
public:
  static constexpr std::size_t ranked_step = 256;

  explicit ours(const predict::mix_limits& limits) : mix_(limits) {}

  /// An earlier run, request by request; then `trained`. Before the first `observe`.
  void train(const access& seen);
  void trained();

  void observe(const access& seen, const residency& here, const predict::link_figures& link,
               wishes& out) override;
  void evicted_unused(std::uint64_t block) override { mix_.evicted_unused(block); }

  /// Of all that was proposed so far, never faded if the limits say so.
  predict::scores proposed() const;
  std::size_t memory_bytes() const { return mix_.figures().memory_bytes + history_.figures().stored_bytes; }

private:
  void begin_run();

  predict::mix mix_;
  predict::history history_;
  predict::mix_output said_;
  run_id run_{0};
  bool running_ = false;
  bool known_ = false; ///< There were earlier runs.
  std::vector<prediction> ranked_;
  std::size_t ranked_at_ = 0;
};

} // namespace forerun::study
