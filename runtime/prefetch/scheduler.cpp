#include "runtime/prefetch/scheduler.hpp"
#include <algorithm>
#include <chrono>
#include <utility>

namespace forerun::prefetch {
namespace {

/// What a history states is acted on from here; adaptation may only ask for more, since the note's study
/// found that less costs bytes and gains nothing.
constexpr float history_min = 0.65f;
/// How much of the operator's share may be spent in one burst.
constexpr double share_burst_seconds = 0.05;
/// Background moves only while so little of the window is used.
constexpr std::uint64_t idle_divisor = 4;
constexpr nanos expire_every = std::chrono::seconds{1};

threshold_limits history_thresholds(threshold_limits limits) {
  limits.max = std::max(limits.max, history_min);
  limits.start = limits.min = history_min;
  return limits;
}

} // namespace

scheduler::scheduler(const scheduler_limits& limits)
    : limits_(limits), queue_(limits.queue), threshold_(limits.thresholds),
      history_threshold_(history_thresholds(limits.thresholds)), stream_credit_(limits.credit_blocks),
      association_credit_(limits.credit_blocks), neighbourhood_credit_(limits.credit_blocks_neighbourhood),
      tokens_(static_cast<double>(limits.window_bytes_min)) {
}

result<void> scheduler::replace(forecast next) {
  auto at =
      std::find_if(forecasts_.begin(), forecasts_.end(), [&](auto& it) { return it.run() == next.run; });
  if (at == forecasts_.end()) {
    if (forecasts_.size() >= limits_.runs_max)
      return errc::overloaded;
    at = forecasts_.emplace(forecasts_.end(), next.run, limits_.forecasts);
  }
  at->replace(std::move(next));
  return success();
}

void scheduler::forget(run_id run) {
  std::erase_if(forecasts_, [run](const auto& it) { return it.run() == run; });
}

void scheduler::add(std::span<const prediction> predictions) {
  for (const auto& what : predictions) {
    // The neighbourhood has weighed value against waste itself, at probabilities that would not pass here.
    const auto likely = what.probability >= threshold_.value() || what.by == expert::neighbourhood;
    if (what.by == expert::hint || what.probability >= limits_.critical_min)
      queue_.add(what, prefetch_tier::critical);
    else if (likely)
      queue_.add(what, prefetch_tier::predictive);
    else if (what.probability >= limits_.background_min)
      queue_.add(what, prefetch_tier::background);
    else
      ++unlikely_;
  }
}

void scheduler::read(run_id run, extent where, std::uint32_t first_use_blocks) {
  for (auto& it : forecasts_)
    if (it.run() == run)
      it.read(where, first_use_blocks);
}

std::uint64_t scheduler::window() const {
  if (link_.delay() == nanos{0})
    return std::max(limits_.window_bytes_start, limits_.window_bytes_min);
  const auto wanted = link_.window();
  if (wanted >= static_cast<double>(limits_.window_bytes_max))
    return limits_.window_bytes_max;
  return std::clamp(static_cast<std::uint64_t>(wanted), limits_.window_bytes_min, limits_.window_bytes_max);
}

void scheduler::refill(instant now) {
  const auto rate = link_.bandwidth() * limits_.bandwidth_share_max;
  const auto burst = std::max(static_cast<double>(limits_.window_bytes_min), rate * share_burst_seconds);
  const auto passed = std::chrono::duration<double>(now - refilled_).count();
  refilled_ = now;
  tokens_ = std::min(tokens_ + rate * std::max(passed, 0.0), burst);
}

bool scheduler::room(instant now) {
  if (flight_.bytes() >= window()) {
    link_.limited();
    return false;
  }
  if (flight_.plans() >= limits_.plans_max)
    return false;
  // A share of what is not known yet would keep it from ever being known.
  if (limits_.bandwidth_share_max >= 1 || (limits_.bandwidth_share_max > 0 && link_.starting()))
    return true;
  refill(now);
  return limits_.bandwidth_share_max > 0 && tokens_ > 0;
}

bool scheduler::idle(instant now) const {
  return flight_.demand_bytes() == 0 && now - demanded_ >= limits_.idle_after &&
         flight_.bytes() < window() / idle_divisor;
}

bool scheduler::allows(prefetch_tier tier) const {
  if (tier == prefetch_tier::background)
    return false;
  // Until the path is known, what was seen of it is only what was asked for.
  if (link_.starting() || link_.bandwidth() == 0)
    return true;
  const auto free = link_.bandwidth() * static_cast<double>(1 - volume_load_);
  return tier == prefetch_tier::critical
             ? free > limits_.bandwidth_min
             : free > limits_.bandwidth_moderate && volume_load_ < limits_.volume_load_max;
}

std::vector<plan> scheduler::next(instant now, const residency& here) {
  if (now - expired_at_ >= expire_every) {
    expired_at_ = now;
    flight_.expire(now - limits_.plan_age_max);
  }
  std::vector<plan> plans;
  while (room(now)) {
    const auto picked = pick(now, here);
    if (!picked)
      break;
    flight_.plan(picked->where, now);
    tokens_ -= static_cast<double>(picked->where.bytes());
    planned_blocks_ += picked->where.count;
    plans.push_back(*picked);
  }
  return plans;
}

bool scheduler::waiting() const {
  return queue_.size() > 0 ||
         std::any_of(forecasts_.begin(), forecasts_.end(), [](const auto& it) { return !it.done(); });
}

std::optional<plan> scheduler::pick(instant now, const residency& here) {
  const bool quiet = idle(now);
  const bool critical = quiet || allows(prefetch_tier::critical);
  const bool predictive = quiet || allows(prefetch_tier::predictive);
  const auto forecast_now = predictive ? 0.0f : limits_.critical_min;
  const auto* first = queue_.front(prefetch_tier::critical);
  if (critical && hint_last_ && first != nullptr && first->by == expert::hint) {
    hint_last_ = false;
    if (auto picked = pick_forecast(now, here, forecast_now))
      return picked;
  }
  for (const auto& [tier, allowed] :
       {std::pair{prefetch_tier::critical, critical}, {prefetch_tier::predictive, predictive}})
    if (auto picked = allowed ? pick_queued(tier, now, here) : std::nullopt) {
      hint_last_ = picked->why.by == expert::hint;
      return picked;
    }
  if (auto picked = critical ? pick_forecast(now, here, forecast_now) : std::nullopt)
    return picked;
  return quiet ? pick_queued(prefetch_tier::background, now, here) : std::nullopt;
}

std::optional<plan> scheduler::pick_queued(prefetch_tier tier, instant now, const residency& here) {
  while (const auto* front = queue_.front(tier)) {
    auto* proof = credit_of(front->by);
    const auto blocks_max = proof == nullptr ? limits_.queue.extent_blocks_max : proof->blocks();
    if (blocks_max == 0) {
      ++unproved_;
      queue_.drop_front(tier);
      continue;
    }
    const auto by = front->by;
    const auto taken = queue_.take(tier, now, here, flight_, blocks_max);
    if (!taken)
      return std::nullopt;
    // `take` may have passed over predictions that need no fetch, to one of another expert.
    if (taken->by != by)
      proof = credit_of(taken->by);
    if (proof != nullptr)
      proof->spend(taken->where.count);
    return plan{taken->where,
                {.by = taken->by,
                 .tier = tier,
                 .probability = taken->probability,
                 .detail = taken->detail,
                 .planned = now,
                 .deadline = taken->expected}};
  }
  return std::nullopt;
}

std::optional<plan> scheduler::pick_forecast(instant now, const residency& here, float probability_now) {
  for (std::size_t tried = 0; tried < forecasts_.size(); ++tried) {
    turn_ = (turn_ + 1) % forecasts_.size();
    const auto taken = forecasts_[turn_].take(here, flight_, history_threshold_.value(), probability_now,
                                              limits_.forecasts.extent_blocks_max);
    if (!taken)
      continue;
    const auto critical = taken->probability >= limits_.critical_min;
    return plan{taken->where,
                {.by = taken->by,
                 .tier = critical ? prefetch_tier::critical : prefetch_tier::predictive,
                 .probability = taken->probability,
                 .detail = taken->detail,
                 .planned = now,
                 .deadline = taken->expected}};
  }
  return std::nullopt;
}

credit* scheduler::credit_of(expert by) {
  switch (by) {
  case expert::stream:
    return &stream_credit_;
  case expert::association:
    return &association_credit_;
  case expert::neighbourhood:
    return &neighbourhood_credit_;
  case expert::none:
  case expert::history:
  case expert::hint:
  case expert::static_analysis:
    break;
  }
  return nullptr;
}

void scheduler::done(extent planned, std::uint64_t bytes, instant sent_at, instant now) {
  flight_.done(planned);
  if (bytes > 0)
    link_.arrived(bytes, sent_at, now);
}

void scheduler::demand_done(std::uint64_t bytes, bool ok, instant sent_at, instant now) {
  flight_.demand_done(bytes);
  demanded_ = now;
  if (!ok)
    return;
  demand_bytes_ += bytes;
  link_.arrived(bytes, sent_at, now);
}

void scheduler::used(const reason& why, std::uint32_t blocks) {
  if (auto* proof = credit_of(why.by))
    proof->used(blocks);
}

void scheduler::missed(std::uint32_t blocks) {
  for (auto* proof : {&stream_credit_, &association_credit_, &neighbourhood_credit_})
    proof->missed(blocks);
}

float scheduler::load_of(nanos period) {
  const auto came = static_cast<double>(std::exchange(demand_bytes_, 0));
  const auto could = link_.bandwidth() * std::chrono::duration<double>(period).count();
  return link_.starting() || could <= 0 ? 0 : static_cast<float>(std::min(1.0, came / could));
}

void scheduler::adapt(const feedback& seen) {
  volume_load_ = load_of(seen.period);
  threshold_.update(seen, volume_load_);
  history_threshold_.update(seen, volume_load_);
}

scheduler_figures scheduler::figures() const {
  std::size_t forecast_depth = 0;
  for (const auto& it : forecasts_)
    forecast_depth += it.depth();
  return {.queue_depth = queue_.size(),
          .forecast_depth = forecast_depth,
          .plans = flight_.plans(),
          .window_bytes = window(),
          .in_flight_bytes = flight_.bytes(),
          .bandwidth = link_.bandwidth(),
          .delay = link_.delay(),
          .threshold = threshold_.value(),
          .volume_load = volume_load_,
          .planned_blocks = planned_blocks_,
          .shed = queue_.shed(),
          .expired = queue_.expired(),
          .unlikely = unlikely_,
          .unproved = unproved_};
}

} // namespace forerun::prefetch
