#pragma once
#include "runtime/study/prefetcher.hpp"
#include <absl/container/flat_hash_map.h>

namespace forerun::study {

/// Last successor (Lei, Duchamp: An analytical approach to file prefetching, USENIX 1997, and many before):
/// behind a request comes what came behind it the last time. Requests are known by their first block; of at
/// most `requests_max` of them, past which all are forgotten.
class last_successor final : public prefetcher {
public:
  static constexpr std::size_t requests_max = 1u << 22;

  void observe(const access& seen, const residency& here, const predict::link_figures& link,
               wishes& out) override;

private:
  absl::flat_hash_map<std::uint64_t, extent> after_;
  std::uint64_t last_ = 0;
  bool begun_ = false;
};

} // namespace forerun::study
