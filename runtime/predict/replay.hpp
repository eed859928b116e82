#pragma once
#include "runtime/predict/mix_proposal.hpp"
#include "runtime/predict/replay_log.hpp"

namespace forerun::predict {

/// What followed this the last times: the log of requests is replayed from where it said the same before.
/// Several cursors follow it at once; each proposes the requests that come next in the log, and a cursor that
/// is often right is trusted.
class replay_expert {
public:
  static constexpr std::size_t cursors_max = 32;

  explicit replay_expert(std::size_t log_max) : log_(log_max) {}

  /// `lead`: requests that arrive while one fetch takes place.
  void observe(const mix_request& seen, float lead, mix_bench& bench);

  replay_log& log() { return log_; }
  const replay_log& log() const { return log_; }

private:
  struct cursor {
    std::uint64_t position = 0;
    std::uint64_t used = 0;
    std::uint32_t hits = 0;
    float accuracy = 0.5f;
  };
  cursor* advance(const std::vector<std::uint64_t>& earlier);
  cursor* spawn(const std::vector<std::uint64_t>& earlier);

  replay_log log_;
  std::vector<cursor> cursors_; ///< At most `cursors_max`; the one not used longest goes.
  std::vector<std::uint64_t> earlier_;
  std::uint64_t clock_ = 0;
};

} // namespace forerun::predict
