#pragma once
#include "runtime/provenance/log_view.hpp"

namespace forerun::provenance {

/// What becomes of a subscriber that is slower than the log.
enum class pace : std::uint8_t {
  all,  ///< It gets everything, from the log, however far it is behind.
  live, ///< It gets what is new: what lies too far behind is passed over, and it is told how much.
};

struct subscription_limits {
  std::uint64_t behind_max = 65536;   ///< Positions; of `live`. Further back is passed over.
  std::uint64_t examined_max = 65536; ///< Records that are looked at for one batch, give or take a block.
  std::uint64_t silence_max = 262144; ///< Positions without a match, after which an empty batch is told.
};

/// Rows of a batch, at most.
inline constexpr std::size_t batch_rows_max = 4096;

/// A piece of the log, as a subscriber is told it: the batches of a subscription follow each other without a
/// gap or overlap, so who begins anew at `next_position` misses nothing and gets nothing twice.
struct batch {
  std::vector<entry> rows; ///< Matches, in order of position.
  /// So many positions just before the first row were passed over unseen, matches or not: their segments are
  /// gone or damaged, or the subscriber was too slow for its pace.
  std::uint64_t missed = 0;
  std::uint64_t next_position = 0; ///< Everything before it is told, missed or no match.
  bool ended = false;              ///< Nothing more will come: the filter's last position is reached.
};

/// Follows a log from a position: first what is there, then what comes, each position once. It reads views,
/// so it holds nothing of the log itself. One thread at a time.
class subscription {
public:
  /// `wanted.records_max` does not count. A `position_from` that the log has not reached yet is waited for.
  subscription(filter wanted, pace how, subscription_limits limits = {});

  std::uint64_t next_position() const { return next_; }
  pace how() const { return how_; }
  bool ended() const { return next_ >= wanted_.position_to; }
  /// Whether a log of so many records has something that was not looked at yet.
  bool behind(std::uint64_t records) const { return !ended() && next_ < records; }

  /// Looks at what comes next, for at most `rows_max` rows. Nothing: there was no match, and nothing else to
  /// tell yet; pull again while `behind`. Errors: `io_failed`; nothing is lost, pull again.
  result<std::optional<batch>> pull(const log_view& from, std::size_t rows_max);

private:
  filter wanted_;
  pace how_;
  subscription_limits limits_;
  std::uint64_t next_;
  std::uint64_t told_;       ///< The next position that the subscriber knows.
  std::uint64_t passed_ = 0; ///< Missed, and not told yet.
  log_place place_;
};

} // namespace forerun::provenance
