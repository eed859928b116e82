#pragma once
#include "runtime/predict/mix_proposal.hpp"
#include "runtime/predict/replay_log.hpp"

namespace forerun::predict {

/// What came soon after this, however the order: the last places in the log where the element was asked for
/// vote for what followed them, as in the probability graph of Griffioen and Appleton (USENIX Summer 1994),
/// whose look-ahead window this is. It finds elements that belong together where the replay's cursors, which
/// want the same order again, are lost. For elements whose numbers are no places (keys); among blocks it
/// finds nothing that streams, replay and surroundings do not (docs/experts/votes.md).
///
/// At most 24 candidates for a request, in no table of its own: the log is the replay's. A pure value; one
/// thread.
class votes_expert {
public:
  static constexpr std::size_t voters_max = 4; ///< The latest places where the element was asked for.
  static constexpr std::uint32_t window = 6;   ///< Requests after each that it votes for.

  /// `log` holds what came before this request, without it.
  void observe(const mix_request& seen, const replay_log& log, mix_bench& bench);

private:
  struct candidate {
    std::uint64_t start = 0;
    std::uint32_t count = 0;
    std::uint32_t votes = 0;
    std::uint32_t distance = 0; ///< The least, in requests.
    std::size_t voter = 0;      ///< The last that voted for it: each has one vote.
    bool newest = false;        ///< The latest place is for it.
  };
  void collect(const mix_request& seen, const replay_log& log);

  std::vector<std::uint64_t> voters_;
  std::vector<candidate> candidates_;
};

} // namespace forerun::predict
