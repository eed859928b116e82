#pragma once
#include "runtime/study/prefetcher.hpp"
#include <array>

namespace forerun::study {

/// Leap (Al Maruf, Chowdhury: Effectively prefetching remote memory with Leap, USENIX ATC 2020): the majority
/// (Boyer and Moore's vote) among the last 16, then 32, differences of accessed blocks is the trend; the
/// window is at most 8 steps along it, and grows and shrinks with how many of the last ones were used.
/// Without a majority the last trend is followed. Leap sees single pages: the blocks of a request are given
/// to it one after the other, and it is asked once, behind the last one.
class leap final : public prefetcher {
public:
  static constexpr std::size_t history = 32; ///< H_size.
  static constexpr std::size_t split = 2;    ///< N_split: the first vote is over history / split.
  static constexpr std::uint32_t window_max = 8;

  void observe(const access& seen, const residency& here, const predict::link_figures& link,
               wishes& out) override;

private:
  /// The difference that more than half of the last `size` ones are; 0 if there is none.
  std::int64_t majority(std::size_t size) const;
  std::uint32_t window(std::uint32_t hits, bool follows);

  std::array<std::int64_t, history> deltas_{}; ///< A ring.
  std::size_t count_ = 0;
  std::uint64_t last_ = 0;
  std::int64_t trend_ = 0;
  std::uint32_t window_ = 0;
};

} // namespace forerun::study
