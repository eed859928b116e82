#pragma once
#include "runtime/base/access.hpp"
#include "runtime/base/forecast.hpp"
#include "runtime/base/residency.hpp"
#include "runtime/base/result.hpp"
#include "runtime/prefetch/credit.hpp"
#include "runtime/prefetch/forecast_queue.hpp"
#include "runtime/prefetch/in_flight.hpp"
#include "runtime/prefetch/link_estimate.hpp"
#include "runtime/prefetch/prediction_queue.hpp"
#include "runtime/prefetch/threshold.hpp"
#include <span>
#include <vector>

/// Decides what is moved now, out of all that was predicted.
namespace forerun::prefetch {

struct scheduler_limits {
  std::uint64_t window_bytes_start = 1u << 20; ///< In flight before anything was measured: once, so larger.
  std::uint64_t window_bytes_min = 256u << 10;
  std::uint64_t window_bytes_max = 64u << 20;
  std::size_t plans_max = 1024;                   ///< Out at once.
  std::size_t runs_max = 64;                      ///< Forecasts at once; further ones are refused.
  nanos plan_age_max = std::chrono::seconds{120}; ///< A plan never reported back is given up.
  float critical_min = 0.9f;                      ///< Seed 002's HIGH_THRESHOLD; MEDIUM_THRESHOLD adapts.
  double bandwidth_min = 256 << 10;    ///< MIN_BANDWIDTH: 256 KiB hold up a demand read behind them for 1 s,
  double bandwidth_moderate = 1 << 20; ///< MODERATE_BANDWIDTH: and for 250 ms.
  float volume_load_max = 0.9f;        ///< MAX_VOLUME_LOAD: of the path, by demand.
  nanos idle_after = std::chrono::milliseconds{20}; ///< So long after the last demand an idle period begins.
  float background_min = 0.1f;                      ///< Less probable ones are not taken at all.
  double bandwidth_share_max =
      1;                     ///< The operator's limit on prefetch, of the measured bandwidth; 0 stops it.
  double credit_blocks = 64; ///< What an expert may move on trust.
  double credit_blocks_neighbourhood = 512; ///< It works on first boots, before anything could be proved.
  forecast_limits forecasts;
  prediction_queue_limits queue;
  threshold_limits thresholds;
};

struct scheduler_figures {
  std::size_t queue_depth = 0;    ///< Single predictions waiting.
  std::size_t forecast_depth = 0; ///< Predictions of forecasts waiting.
  std::size_t plans = 0;
  std::uint64_t window_bytes = 0;
  std::uint64_t in_flight_bytes = 0; ///< Demand included.
  double bandwidth = 0;              ///< Bytes per second.
  nanos delay{0};
  float threshold = 0;
  float volume_load = 0;            ///< Share of the path that demand took in the last period.
  std::uint64_t planned_blocks = 0; ///< Since the start.
  std::uint64_t shed = 0;           ///< Predictions dropped at the queue's bound.
  std::uint64_t expired = 0;        ///< Predictions whose time had passed.
  std::uint64_t unlikely = 0;       ///< Predictions below every tier.
  std::uint64_t unproved = 0;       ///< Predictions of experts without credit.
};

/// The prefetcher of one image's origin. Forecasts of runs and single predictions come in, plans go out while
/// the path has room, by the tiers of seed 002:
///
///     if probability > HIGH_THRESHOLD and network_bandwidth > MIN_BANDWIDTH: prefetch
///     elif probability > MEDIUM_THRESHOLD and network_bandwidth > MODERATE_BANDWIDTH:
///       if volume_load < MAX_VOLUME_LOAD: prefetch
///     else: background
///
/// It is asked anew whenever there is room, so that what is held up by the volume's load waits until that
/// falls or its time has passed, and what a slow path makes background is moved in idle periods. Critical are
/// hints and near certainties, predictive the experts of the moment by deadline and then the runs' forecasts
/// in turn. What the neighbourhood wants is at least predictive: it has weighed value against waste itself.
/// Network bandwidth is what demand leaves of it; while it is unknown there is enough. Demand is never
/// planned here, only counted: it goes first at every queue behind this one. A pure value; one thread.
class scheduler {
public:
  explicit scheduler(const scheduler_limits& limits = {});

  /// Replaces the run's forecast. Fails with `overloaded` at `runs_max`.
  result<void> replace(forecast next);
  /// The run ended: its forecast goes. What is in flight arrives all the same.
  void forget(run_id run);
  /// Takes single predictions of any expert, and clients' hints. Never fails: at the bound the least urgent
  /// go.
  void add(std::span<const prediction> predictions);
  /// A run read blocks, of which `first_use_blocks` had been prefetched.
  void read(run_id run, extent where, std::uint32_t first_use_blocks);

  /// What to fetch now. Each plan counts as in flight at once and must be reported by `done`, whatever became
  /// of it. Call it after every event, and every few milliseconds while `waiting`.
  std::vector<plan> next(instant now, const residency& here);
  /// Something is left to do that no event may announce (a share of bandwidth, an idle link).
  bool waiting() const;

  /// A plan ended. `bytes` came from the origin for it, 0 if it failed or had nothing to fetch.
  void done(extent planned, std::uint64_t bytes, instant sent_at, instant now);
  /// A demand fetch left for the origin, and ended (`bytes` as sent; `ok` if the data came).
  void demand_sent(std::uint64_t bytes) { flight_.demand_sent(bytes); }
  void demand_done(std::uint64_t bytes, bool ok, instant sent_at, instant now);
  /// Whoever fetches was restarted: nothing is in flight.
  void forget_in_flight() { flight_.clear(); }

  /// Prefetched blocks were read for the first time, by the reason they were moved for.
  void used(const reason& why, std::uint32_t blocks);
  /// Blocks that nobody had predicted were fetched on demand.
  void missed(std::uint32_t blocks);
  /// The feedback of a period: moves the thresholds.
  void adapt(const feedback& seen);

  /// From this probability a prediction is carried out at once.
  float threshold_now() const { return threshold_.value(); }
  scheduler_figures figures() const;

private:
  std::uint64_t window() const;
  bool room(instant now);
  std::optional<plan> pick(instant now, const residency& here);
  std::optional<plan> pick_queued(prefetch_tier tier, instant now, const residency& here);
  std::optional<plan> pick_forecast(instant now, const residency& here, float probability_now);
  bool allows(prefetch_tier tier) const;
  bool idle(instant now) const;
  float load_of(nanos period);
  credit* credit_of(expert by);
  void refill(instant now);

  scheduler_limits limits_;
  in_flight flight_;
  link_estimate link_;
  prediction_queue queue_;
  std::vector<forecast_queue> forecasts_; ///< At most `runs_max`.
  std::size_t turn_ = 0;                  ///< Which run's forecast is next.
  bool hint_last_ = false; ///< Hints alternate with forecasts, so that a flood of them starves none.
  threshold threshold_;
  threshold history_threshold_;
  credit stream_credit_;
  credit association_credit_;
  credit neighbourhood_credit_;
  std::uint64_t demand_bytes_ = 0; ///< That came in this period.
  instant demanded_{};             ///< When the last demand was answered.
  float volume_load_ = 0;
  double tokens_ = 0; ///< Bytes that the operator's share still allows.
  instant refilled_{};
  instant expired_at_{};
  std::uint64_t planned_blocks_ = 0;
  std::uint64_t unlikely_ = 0;
  std::uint64_t unproved_ = 0;
};

} // namespace forerun::prefetch
