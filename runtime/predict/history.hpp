#pragma once
#include "runtime/base/access.hpp"
#include "runtime/base/forecast.hpp"
#include "runtime/predict/history_library.hpp"
#include "runtime/predict/history_tracker.hpp"
#include "runtime/predict/scores.hpp"
#include <memory>
#include <optional>

namespace forerun::predict {

struct history_figures {
  std::size_t runs_stored = 0;
  std::size_t groups = 0;
  std::size_t runs_active = 0;
  std::size_t table_entries = 0;     ///< 20 bytes each.
  std::size_t stored_bytes = 0;      ///< Of the finished runs.
  std::size_t foreseen_blocks = 0;   ///< That the image itself names.
  std::uint64_t blocks_left_out = 0; ///< Touched, but not remembered because of a limit.
};

/// The history expert of one image: earlier runs of the same program, recognised while this one runs, and
/// replayed ahead of it in their order. One boot is enough to learn from; several runs may go on at once, and
/// each goes on being followed after its boot. A pure value; one thread.
class history {
public:
  explicit history(const history_limits& limits = {}) : limits_(limits), library_(limits) {}

  /// A run of the program `label` (empty: not known) starts. Fails with `exists`, and with `overloaded` at
  /// `active_max`; the run then simply is not followed.
  result<void> begin(run_id run, std::string_view label);
  /// One access of a run, in order of arrival; unknown runs are ignored. Returns whether `rank` has news.
  bool observe(run_id run, const access& seen);
  /// The run's whole ranking, if there is news (at the start, and 5 to 30 times a boot). It replaces the
  /// run's earlier one. About 1 ms of CPU for 20,000 blocks.
  std::optional<forecast> rank(run_id run, instant now);
  /// Those that go on.
  std::vector<run_id> runs() const {
    std::vector<run_id> all;
    for (const auto& it : active_)
      all.push_back(it->run());
    return all;
  }
  /// The history expected this read: every block has at least `history_probability_min`. If not, it is for
  /// the experts that look around a read.
  bool explains(run_id run, extent where) const;
  /// Calls `visit(block, chance)` for every block that some earlier run read (when there was none, that the
  /// image itself names), in no useful order: how likely a run of which nothing is known yet will read it.
  template <class Visit> void each_chance(Visit visit) const {
    const auto& groups = library_.groups();
    library_.each_block([&](std::uint64_t block, std::uint32_t index) {
      float sum = 0;
      library_.each_at(index, [&](const history_library::entry& entry) {
        sum += static_cast<float>(entry.runs) / static_cast<float>(std::max(1u, groups[entry.group].runs));
      });
      visit(block, sum / static_cast<float>(library_.groups_used()));
    });
    if (library_.groups_used() == 0)
      library_.foreseen()->each(
          [&](std::uint64_t block, const foresight::chance& said) { visit(block, said.probability); });
  }
  /// What the image says of itself, for runs that no earlier one is like; those that go on hear of it too.
  void foresee(foresight what) { library_.foresee(std::move(what)); }
  /// Learns the run: a few milliseconds for 15,000 blocks. Unknown runs are ignored.
  void end(run_id run);

  /// What was learned, as bytes; runs that go on are not in it.
  std::vector<std::byte> save() const { return library_.save(); }
  /// Replaces what was learned; runs that go on are followed with it. Fails with `corrupt` or `unsupported`,
  /// and then nothing has changed: the history is rebuilt by the next runs.
  result<void> load(std::span<const std::byte> bytes) { return library_.load(bytes); }
  history_figures figures() const;
  /// What became of the blocks that it expected: each is judged by what was said before it was read for the
  /// first time, or at the end of the run, if it was not.
  const scores& seen() const { return scores_; }

private:
  static constexpr double scores_memory = 1u << 16; ///< Blocks.
  history_tracker* find(run_id run) const;

  history_limits limits_;
  history_library library_;
  std::vector<std::unique_ptr<history_tracker>> active_; ///< At most `active_max`.
  scores scores_{scores_memory};
  std::size_t active_blocks_ = 0;
  std::uint64_t left_out_ = 0; ///< By runs that ended.
};

} // namespace forerun::predict
