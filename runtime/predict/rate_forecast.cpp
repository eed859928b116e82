#include "runtime/predict/rate_forecast.hpp"
#include <algorithm>
#include <cmath>
#include <numeric>

namespace forerun::predict {
namespace {

constexpr double amount_max = 1e15;
constexpr double cycle_speed = 0.2;
constexpr double remembered = 0.98;      ///< Of errors, from bin to bin: about the last 50 count.
constexpr std::uint64_t seek_every = 24; ///< Bins.
constexpr std::uint64_t cycles_kept = 3; ///< Of the longest.
constexpr double likeness_min = 0.3;     ///< Autocorrelation of a cycle.
constexpr double likeness_better = 0.05; ///< By which a longer cycle must be better than a shorter one.

double mean(std::span<const double> of) {
  return std::accumulate(of.begin(), of.end(), 0.0) / static_cast<double>(of.size());
}

/// What is left without the mean and the straight line through it: a trend is no cycle.
std::vector<double> without_trend(std::span<const double> past) {
  const auto middle = static_cast<double>(past.size() - 1) / 2;
  const auto level = mean(past);
  double along = 0, spread = 0;
  for (std::size_t at = 0; at < past.size(); ++at) {
    const auto away = static_cast<double>(at) - middle;
    along += away * (past[at] - level);
    spread += away * away;
  }
  std::vector<double> rest(past.size());
  for (std::size_t at = 0; at < past.size(); ++at)
    rest[at] = past[at] - level - along / spread * (static_cast<double>(at) - middle);
  return rest;
}

} // namespace

rate_forecast::rate_forecast(rate_limits limits)
    : limits_{std::clamp(limits.horizon, 1u, 1024u), std::clamp(limits.season_max, 2u, 1024u)},
      waiting_(limits_.horizon) {
}

void rate_forecast::add(double came) {
  came = std::isfinite(came) ? std::clamp(came, 0.0, amount_max) : 0;
  if (bins_ >= limits_.horizon)
    judge(came);
  smooth(came);
  if (past_.size() == cycles_kept * limits_.season_max)
    past_.erase(past_.begin());
  past_.push_back(came);
  ++bins_;
  if (bins_ % seek_every == 0)
    seek_cycle();
  auto& told = waiting_[(bins_ - 1) % limits_.horizon];
  for (std::size_t at = 0; at < models; ++at)
    told[at] = forecast(models_[at], bins_ - 1 + limits_.horizon);
}

rate_outlook rate_forecast::next() const {
  if (bins_ == 0)
    return {};
  const auto& best = leader();
  return {forecast(best, bins_ - 1 + limits_.horizon), judged_ > 0 ? best.error / judged_ : 0,
          best.cycle.empty() ? 0 : season_};
}

double rate_forecast::forecast(const model& of, std::uint64_t bin) const {
  return std::max(0.0, of.level + (of.cycle.empty() ? 0 : of.cycle[bin % of.cycle.size()]));
}

const rate_forecast::model& rate_forecast::leader() const {
  const auto count = season_ == 0 ? speeds.size() : models;
  return *std::ranges::min_element(std::span(models_).first(count), {}, &model::error);
}

void rate_forecast::judge(double came) {
  const auto& told = waiting_[bins_ % limits_.horizon];
  for (std::size_t at = 0; at < models; ++at)
    models_[at].error = remembered * models_[at].error + std::abs(came - told[at]);
  judged_ = remembered * judged_ + 1;
}

void rate_forecast::smooth(double came) {
  for (std::size_t at = 0; at < models; ++at) {
    auto& one = models_[at];
    const auto in_cycle = one.cycle.empty() ? 0 : one.cycle[bins_ % one.cycle.size()];
    if (bins_ == 0)
      one.level = came;
    one.level += speeds[at % speeds.size()] * (came - in_cycle - one.level);
    if (!one.cycle.empty())
      one.cycle[bins_ % one.cycle.size()] += cycle_speed * (came - one.level - in_cycle);
  }
}

void rate_forecast::seek_cycle() {
  const auto found = cycle_of(past_);
  if (found != 0 && found != season_)
    adopt(found, past_);
}

/// The shortest of the cycles in which the past is most like itself; 0: none.
std::uint32_t rate_forecast::cycle_of(std::span<const double> past) const {
  const auto rest = without_trend(past);
  const auto power = std::inner_product(rest.begin(), rest.end(), rest.begin(), 0.0);
  if (power <= 1e-12 * std::inner_product(past.begin(), past.end(), past.begin(), 0.0)) // Rounding.
    return 0;
  const auto longest = std::min<std::size_t>(limits_.season_max, past.size() / 2);
  std::vector<double> likeness(longest + 2);
  for (std::size_t lag = 1; lag < likeness.size(); ++lag)
    likeness[lag] =
        std::inner_product(rest.begin() + static_cast<std::ptrdiff_t>(lag), rest.end(), rest.begin(), 0.0) /
        power * static_cast<double>(rest.size()) / static_cast<double>(rest.size() - lag);
  std::size_t lag = 1;
  while (lag <= longest && likeness[lag] > 0) // Neighbours are alike: that is no cycle.
    ++lag;
  std::size_t best = 0;
  for (lag = std::max<std::size_t>(lag, 2); lag <= longest; ++lag)
    if (likeness[lag] >= likeness[lag - 1] && likeness[lag] >= likeness[lag + 1] &&
        likeness[lag] > (best == 0 ? likeness_min : likeness[best] + likeness_better))
      best = lag;
  return static_cast<std::uint32_t>(best);
}

/// The models with a cycle begin anew with what the whole cycles of the past were on average, and with the
/// error of the worst without one: they have to prove themselves.
void rate_forecast::adopt(std::uint32_t season, std::span<const double> past) {
  season_ = season;
  const auto whole = past.size() / season;
  const auto first = bins_ - whole * season; // The bin with which the whole cycles begin.
  past = past.last(whole * season);
  const auto level_now = mean(past.last(season));
  std::vector<double> cycle(season);
  for (; !past.empty(); past = past.subspan(season)) {
    const auto level = mean(past.first(season));
    for (std::size_t at = 0; at < season; ++at)
      cycle[(first + at) % season] += (past[at] - level) / static_cast<double>(whole);
  }
  double worst = 0;
  for (std::size_t at = 0; at < speeds.size(); ++at)
    worst = std::max(worst, models_[at].error);
  for (std::size_t at = speeds.size(); at < models; ++at)
    models_[at] = {level_now, worst, cycle};
}

} // namespace forerun::predict
