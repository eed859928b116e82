#pragma once
#include "runtime/study/prefetcher.hpp"
#include <array>

namespace forerun::study {

/// Leap (Al Maruf, Chowdhury: Effectively prefetching remote memory with Leap, USENIX ATC 2020): the majority
/// (Boyer and Moore's vote) among the last 8 differences of accessed pages is the trend; without one among
/// the last 16, then 32. An access that misses fetches a window of steps along the trend: as many accesses as
/// what was prefetched served since the last time, and one, rounded up to a power of two, at most 8; after
/// none, one if this one follows the trend. It shrinks by half at a time. Without a majority the last trend
/// is followed.
///
/// Leap's accesses are faults, each of one page; those of a trace are longer. The blocks of a request are
/// given to the vote one after the other, and a step of the window is as many of them as the request has: for
/// requests of one block that is Leap to the letter, and longer ones it serves better than 8 blocks would.
class leap final : public prefetcher {
public:
  static constexpr std::size_t history = 32; ///< H_size.
  static constexpr std::size_t split = 4;    ///< N_split: the first vote is over history / split.
  static constexpr std::uint32_t window_max = 8;

  void observe(const access& seen, const residency& here, const predict::link_figures& link,
               wishes& out) override;

private:
  /// The difference that more than half of the last `size` ones are; 0 if there is none.
  std::int64_t majority(std::size_t size) const;
  std::uint32_t window(bool follows);

  std::array<std::int64_t, history> deltas_{}; ///< A ring.
  std::size_t count_ = 0;
  std::uint64_t last_ = 0;
  bool begun_ = false;
  std::int64_t trend_ = 0;
  std::uint32_t hits_ = 0; ///< Requests that what was prefetched served, since the last prefetch.
  std::uint32_t window_ = 0;
};

} // namespace forerun::study
