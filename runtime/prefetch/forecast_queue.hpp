#pragma once
#include "runtime/base/forecast.hpp"
#include "runtime/prefetch/in_flight.hpp"
#include <optional>

namespace forerun::prefetch {

/// How the ranking of one run becomes extents to fetch.
struct forecast_limits {
  std::uint32_t extent_blocks_max = 32;      ///< 128 KiB: longer ones delay the demand read behind them.
  std::uint32_t rank_reach = 512;            ///< An extent takes blocks in up to so many ranks (2 MB) ahead.
  std::uint64_t switch_bytes_max = 2u << 20; ///< Unread prefetch allowed after the run changed its group.
  std::size_t predictions_max = 1u << 18;    ///< What lies behind them is cut off.
};

/// The ranking of one run, and how far it was carried out.
class forecast_queue {
public:
  forecast_queue(run_id run, const forecast_limits& limits) : limits_(limits), run_(run) {}

  /// A new ranking instead of the old one.
  void replace(forecast next);
  /// The run read these blocks, of which so many had been prefetched and were read for the first time.
  void read(extent where, std::uint32_t first_use_blocks);
  /// The next extent of absent blocks, grown around the head of the ranking over blocks that follow soon; at
  /// most `blocks_max`. What is below `probability_min` is passed over for good; what is below
  /// `probability_now` has to wait, and all behind it. Empty when the ranking is done, or has to wait for
  /// that or for reads that confirm it.
  std::optional<prediction> take(const residency& here, const in_flight& flight, float probability_min,
                                 float probability_now, std::uint32_t blocks_max);

  run_id run() const { return run_; }
  bool done() const { return head_ == items_.size(); }
  std::size_t depth() const { return items_.size() - head_; }

private:
  struct item {
    prediction what;
    std::uint32_t rank = 0; ///< Blocks ranked before it.
  };
  const item* find(std::uint64_t block) const;

  forecast_limits limits_;
  run_id run_;
  std::vector<item> items_;
  std::vector<std::uint32_t> by_first_; ///< Items in order of their first block.
  std::size_t head_ = 0;
  std::uint32_t taken_ = 0;    ///< Blocks of the head that were looked at: what fails is not taken again.
  bool careful_ = false;       ///< The run switched; `allowance_` counts.
  std::int64_t allowance_ = 0; ///< Bytes that may still be fetched unread.
};

} // namespace forerun::prefetch
