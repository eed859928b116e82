#pragma once
#include "runtime/base/time.hpp"
#include "runtime/predict/scores.hpp"
#include <array>
#include <cstdint>

namespace forerun::study {

/// Part of the whole; nothing of nothing is `none`.
constexpr double share(std::uint64_t part, std::uint64_t whole, double none = 0) {
  return whole == 0 ? none : static_cast<double>(part) / static_cast<double>(whole);
}

/// One piece of the trace's requests.
struct period {
  std::uint64_t touches = 0;
  std::uint64_t misses = 0;
  nanos stall{0};
};

inline constexpr std::size_t periods = 120; ///< Of equally many requests.

/// What one policy did with one trace, by the convention REQUEST (docs/replay.md).
struct figures {
  std::uint64_t requests = 0;
  std::uint64_t requests_missed = 0; ///< With any block missing.
  std::uint64_t touches = 0;         ///< One block or key of one request.
  std::uint64_t misses = 0;          ///< Touches of what was not there; late ones are among them.
  std::uint64_t late = 0;            ///< Touches of what was on its way because of a prefetch.
  std::uint64_t prefetched = 0;
  std::uint64_t used = 0;   ///< Of those, touched before they were evicted; late ones are among them.
  std::uint64_t shed = 0;   ///< Proposals that found no room in the queue, or too little time.
  nanos stall{0};           ///< How long reads waited; only where times are real.
  nanos think{0};           ///< The trace's own time between reads; as stall.
  predict::scores moved;    ///< Of prefetched blocks with a stated probability.
  predict::scores proposed; ///< Of all that ours proposed, whether it was fetched or not.
  std::array<period, periods> timeline{};

  double miss_share() const { return share(misses, touches); }
  double request_miss_share() const { return share(requests_missed, requests); }
  double accuracy() const { return share(used, prefetched, 1); }
  /// Of what had to come from the origin for a touch, so much was asked for ahead.
  double coverage() const { return share(used, used + demand()); }
  /// Fetched because a request waited; a late block is fetched once, as a prefetch.
  std::uint64_t demand() const { return misses - late; }
  std::uint64_t fetched() const { return demand() + prefetched; }
};

} // namespace forerun::study
