#pragma once
#include "runtime/base/access.hpp"
#include "runtime/base/prediction.hpp"
#include "runtime/base/residency.hpp"
#include "runtime/predict/neighbourhood.hpp"
#include <vector>

namespace forerun::study {

/// What a prefetcher wants done after a request. Blocks that are there, or on their way, are skipped.
struct wishes {
  std::vector<prediction> fetch;   ///< In the order in which it should be fetched. Probability 0: not stated.
  std::vector<std::uint64_t> keep; ///< Local blocks that are likely read again.
  void clear() {
    fetch.clear();
    keep.clear();
  }
};

/// A prefetch policy under study. It hears of every request once all of its blocks are known. Pure values;
/// one thread.
class prefetcher {
public:
  virtual ~prefetcher() = default;
  prefetcher() = default;
  prefetcher(const prefetcher&) = delete;
  prefetcher& operator=(const prefetcher&) = delete;

  virtual void observe(const access& seen, const residency& here, const predict::link_figures& link,
                       wishes& out) = 0;
  /// A block that was fetched for it left the cache unread.
  virtual void evicted_unused(std::uint64_t) {}
};

/// Wants nothing.
class no_prefetch final : public prefetcher {
public:
  void observe(const access&, const residency&, const predict::link_figures&, wishes&) override {}
};

} // namespace forerun::study
