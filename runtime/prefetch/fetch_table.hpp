#pragma once
#include "runtime/base/access.hpp"
#include "runtime/base/extent.hpp"
#include "runtime/base/prediction.hpp"
#include "runtime/base/residency.hpp"
#include "runtime/base/result.hpp"
#include <absl/container/flat_hash_map.h>
#include <cstdint>
#include <span>
#include <vector>

namespace forerun::prefetch {

struct fetch_id {
  std::uint64_t value = 0;
  auto operator<=>(const fetch_id&) const = default;
};

/// Names a request that waits for blocks; the caller's own number.
struct waiter_id {
  std::uint64_t value = 0;
  auto operator<=>(const waiter_id&) const = default;
};

/// Effect: read this extent from the origin and report it with `arrived` or `failed`.
struct order {
  fetch_id id{};
  extent where{};
  bool demand = false;
  bool operator==(const order&) const = default;
};

struct fetch_limits {
  std::uint32_t order_blocks_max = 256; ///< Demand is cut into fetches of at most 1 MiB.
  std::size_t waiters_max = 65536;      ///< Requests waiting at once; one more is refused.
  std::size_t fetches_max = 65536;      ///< Fetches under way at once; one more is refused.
};

/// Which blocks of one image are on their way, and who waits for them. Demand and prefetch share it, so that
/// no block is ever fetched twice at once. Decides what to send; holds no data.
class fetch_table {
public:
  explicit fetch_table(fetch_limits limits) : limits_(limits) {}

  struct wanted {
    std::vector<order> orders; ///< To send now, in order of blocks.
    std::uint32_t missing = 0; ///< Blocks that the waiter waits for; 0: nothing, it was not registered.
    std::vector<extent> late;  ///< Of these, blocks that a prefetch had under way.
    outcome how = outcome::hit;
  };
  /// Registers a demand for those blocks of `where` that `local` says are absent (needed, and in no tier), on
  /// their way or not. Fails with `overloaded` at a limit; then nothing has changed.
  result<wanted> want(waiter_id who, extent where, const residency& local);

  struct admitted {
    std::vector<order> orders;
    std::vector<plan> plans; ///< What each order carries out.
  };
  /// Turns plans into orders, without what is local or on its way by now. Stops at the limit of fetches.
  admitted admit(std::span<const plan> plans, const residency& local);

  struct progress {
    waiter_id who{};
    bool complete = false; ///< All that it waited for is here.
  };
  struct arrival {
    extent where{};
    bool demand = false;
    std::vector<progress> waiters;  ///< Who wants data of this extent, in order of asking.
    std::vector<bool> read_already; ///< For each block: a demand waited for it.
  };
  /// The extent is here. Fails with `not_found` for a fetch that is not under way.
  result<arrival> arrived(fetch_id id);

  struct failure {
    extent where{};
    bool demand = false;
    std::vector<waiter_id> failed; ///< They get no answer: a demand fetch failed.
    std::vector<order> again;      ///< A prefetch failed that demand had joined: now it goes as demand.
  };
  result<failure> failed(fetch_id id);

  bool contains(std::uint64_t block) const { return blocks_.contains(block); }
  std::size_t fetches() const { return fetches_.size(); }
  std::size_t waiters() const { return waiters_.size(); }

private:
  struct fetch {
    extent where{};
    bool demand = false;
    std::vector<waiter_id> waiters;
    std::vector<bool> wanted; ///< Empty until the first waiter joins.
  };

  order start(extent where, bool demand);
  void join(fetch& what, waiter_id who, extent where);

  fetch_limits limits_;
  std::uint64_t next_ = 1;
  absl::flat_hash_map<std::uint64_t, fetch_id> blocks_;
  absl::flat_hash_map<std::uint64_t, fetch> fetches_;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> waiters_; ///< Fetches that each still waits for.
};

} // namespace forerun::prefetch
