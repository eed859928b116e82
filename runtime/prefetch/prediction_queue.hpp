#pragma once
#include "runtime/base/prediction.hpp"
#include "runtime/base/residency.hpp"
#include "runtime/prefetch/in_flight.hpp"
#include <array>
#include <map>
#include <optional>

namespace forerun::prefetch {

struct prediction_queue_limits {
  std::size_t predictions_max = 4096;         ///< At it the least urgent one of the lowest tier goes.
  std::uint32_t extent_blocks_max = 64;       ///< Fetched at once: 256 KiB.
  std::uint32_t prediction_blocks_max = 8192; ///< 32 MiB: longer predictions are cut.
  nanos late_max = std::chrono::seconds{2};   ///< So long after its time a prediction is dropped.
  nanos hint_late_max = std::chrono::seconds{30};
};

/// Single predictions that wait to be fetched: three tiers, in each by deadline. Neighbouring predictions of
/// one expert that arrive one after the other become one.
class prediction_queue {
public:
  explicit prediction_queue(const prediction_queue_limits& limits) : limits_(limits) {}

  void add(prediction what, prefetch_tier tier);
  /// The most urgent absent extent of a tier, at most `blocks_max` long; the rest of a longer one stays.
  std::optional<prediction> take(prefetch_tier tier, instant now, const residency& here,
                                 const in_flight& flight, std::uint32_t blocks_max);
  /// What `take` would look at first.
  const prediction* front(prefetch_tier tier) const;
  void drop_front(prefetch_tier tier);

  std::size_t size() const;
  std::size_t size(prefetch_tier tier) const { return of(tier).size(); }
  std::uint64_t shed() const { return shed_; }       ///< Dropped because the queue was full.
  std::uint64_t expired() const { return expired_; } ///< Dropped because their time had passed.

private:
  using deadline_order = std::multimap<instant, prediction>;
  static constexpr std::size_t tiers = 3;
  const deadline_order& of(prefetch_tier tier) const { return tiers_[static_cast<std::size_t>(tier)]; }
  deadline_order& of(prefetch_tier tier) { return tiers_[static_cast<std::size_t>(tier)]; }
  bool make_room(instant expected, prefetch_tier tier);

  prediction_queue_limits limits_;
  std::array<deadline_order, tiers> tiers_;
  std::uint64_t shed_ = 0;
  std::uint64_t expired_ = 0;
};

} // namespace forerun::prefetch
