#pragma once
#include "runtime/study/machine.hpp"

namespace forerun::study {

/// The limit of prefetching: it knows what is requested next, and, with Belady's eviction, what can go (the
/// rules of Cao, Felten, Karlin, Li: A study of integrated prefetching and caching strategies, SIGMETRICS
/// '95, of which this keeps "optimal fetching", "optimal replacement" and "do no harm"). It looks
/// `requests_ahead` requests ahead, as far as they fill at most half of the cache.
class perfect final : public prefetcher {
public:
  static constexpr std::size_t requests_max = 1024;

  perfect(belady& limit, std::size_t capacity)
      : limit_(limit), room_(std::max<std::size_t>(capacity / 2, 1)) {}

  /// A request that will be made, behind those told before; `number` counts from 0. Call it for at most
  /// `requests_max` requests that were not observed yet.
  void coming(const request& what, std::uint64_t number);

  void observe(const access& seen, const residency& here, const predict::link_figures& link,
               wishes& out) override;

private:
  struct next_request {
    extent where;
    std::uint64_t number;
  };
  belady& limit_;
  std::size_t room_;
  std::deque<next_request> next_;
  std::size_t asked_ = 0; ///< Of `next_`, from its front.
  std::size_t asked_elements_ = 0;
};

} // namespace forerun::study
