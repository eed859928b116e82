#pragma once
#include "runtime/study/prefetcher.hpp"
#include <list>

namespace forerun::study {

/// Linux's on-demand readahead (Wu, Xi, Xu: On the design of a new Linux readahead framework, ACM SIGOPS
/// Operating Systems Review 42(5), 2008; mm/readahead.c): the second of two requests in a row opens a window,
/// and a read of the first block of the part that was read ahead doubles it, up to 32 blocks (128 KiB,
/// Linux's default). Linux keeps this for each open file; a trace of a disk has none, so up to 256 sequences
/// are told apart by where they go on, and the one that was used longest ago is forgotten.
class readahead final : public prefetcher {
public:
  static constexpr std::uint32_t window_max = 32; ///< Blocks.
  static constexpr std::size_t sequences_max = 256;

  void observe(const access& seen, const residency& here, const predict::link_figures& link,
               wishes& out) override;

private:
  struct sequence {
    std::uint64_t next = 0;   ///< Behind the last request.
    std::uint64_t marker = 0; ///< A read of this block doubles the window.
    std::uint64_t ahead = 0;  ///< Behind what was read ahead.
    std::uint32_t window = 0; ///< 0: not open.
  };
  std::list<sequence> sequences_; ///< The newest first.
};

/// A detector of streams as disk controllers have it: up to 256 streams, each the end of its last request. A
/// request that starts there, or up to 16 blocks behind it, is the stream's; from the second one on the
/// next 8 blocks are wanted.
class stream_detector final : public prefetcher {
public:
  static constexpr std::uint32_t degree = 8;
  static constexpr std::uint32_t tolerance = 16;
  static constexpr std::size_t streams_max = 256;

  void observe(const access& seen, const residency& here, const predict::link_figures& link,
               wishes& out) override;

private:
  std::list<std::uint64_t> ends_; ///< The newest first.
};

} // namespace forerun::study
