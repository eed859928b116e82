#pragma once
#include "runtime/cache/policy.hpp"
#include "runtime/study/belady.hpp"
#include "runtime/study/figures.hpp"
#include "runtime/study/prefetcher.hpp"
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <algorithm>
#include <deque>
#include <memory>
#include <span>

namespace forerun::study {

/// One request of a trace. Elements are blocks, those of volume v from v << 40 on, or keys, numbered in the
/// order of their first touch.
struct request {
  std::uint64_t first = 0;
  std::uint32_t count = 1; ///< At least 1.
  std::int64_t gap_ns = 0; ///< Since the request before, as recorded; of a trace at most 73 years in all.
};

inline constexpr unsigned volume_shift = 40;
inline constexpr std::uint64_t all_named = ~std::uint64_t{0};

/// Recorded gaps up to this one are no thinking: the requests were under way together.
inline constexpr nanos think_min = std::chrono::microseconds{150};

/// Where misses are answered.
struct far_side {
  bool timed = false; ///< False: what is prefetched arrives after some requests, and no stall is told.
  std::uint32_t delay_requests = 0;
  nanos delay = std::chrono::milliseconds{10};
  double bits_per_second = 1e9;
};

struct machine_setup {
  std::size_t capacity = 1; ///< Elements.
  far_side origin;
  std::uint64_t requests = 0; ///< Of the whole trace, for the timeline.
  /// Elements from here on have no name before their first touch, so nobody can fetch them ahead. That is so
  /// of keys: else "the next number" would foretell every new key. Blocks are all named.
  std::uint64_t named = all_named;
};

/// A cache, a prefetcher and an origin with one link, in virtual time: a closed loop, in which the next
/// request comes after the recorded time to think, counted from when the earlier ones were answered. All
/// blocks of a request arrive together (convention REQUEST of docs/replay.md).
///
/// Demand is sent at once. Prefetches wait in a queue of at most `queue_max` proposals until what is in
/// flight is below 1.25 times bandwidth times delay, at least 256 KiB; at its bound the oldest proposal is
/// shed. A pure value; one thread. Memory: the policy's, and about 40 bytes for each unread block.
class machine final : public residency {
public:
  static constexpr std::size_t queue_max = 4096;

  /// `limit`: the eviction, if that is Belady's; then `take` needs the next uses.
  machine(const machine_setup& setup, std::unique_ptr<cache::policy> eviction,
          std::unique_ptr<prefetcher> ahead, belady* limit = nullptr);

  /// `next_uses`: for each element of the request, the number of the request that uses it next, or `never`.
  void take(const request& what, std::span<const std::uint64_t> next_uses = {});
  /// The trace has ended: waits for what is still awaited.
  const figures& end();
  const figures& seen() const { return seen_; }

  bool absent(std::uint64_t block) const override;
  std::uint64_t blocks() const override { return std::min(setup_.named, std::uint64_t{1} << 63); }

private:
  struct unread {
    instant arrives{};
    float probability = 0;
  };
  struct transfer {
    instant back{};
    std::uint64_t bytes = 0;
  };

  void pass(const request& what);
  void wait_for_reads();
  void pump(instant until);
  void enqueue(const prediction& what);
  void send(const prediction& what);
  instant transport(std::uint64_t elements, instant from);
  void land();
  void admit(std::uint64_t block, cache::admit_kind kind);
  void settle(float probability, bool used);
  period& now_period();

  machine_setup setup_;
  std::unique_ptr<cache::policy> cache_;
  std::unique_ptr<prefetcher> ahead_;
  belady* limit_;
  predict::link_figures link_;
  std::uint64_t window_bytes_ = 0;

  figures seen_;
  instant now_;
  instant link_free_{};
  instant answered_{};                                     ///< When all reads sent so far are.
  absl::flat_hash_map<std::uint64_t, unread> unread_;      ///< In the cache.
  absl::flat_hash_map<std::uint64_t, unread> coming_;      ///< On their way: they take no room yet.
  std::deque<std::pair<instant, std::uint64_t>> arrivals_; ///< Of those, in order; some were read meanwhile.
  std::deque<prediction> queue_;
  absl::flat_hash_set<std::uint64_t> queued_; ///< Blocks of it.
  std::deque<transfer> flying_;               ///< In order of arrival.
  std::uint64_t flying_bytes_ = 0;
  std::vector<std::uint64_t> missing_; ///< Of the request.
  wishes wishes_;
};

} // namespace forerun::study
