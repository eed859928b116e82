#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace forerun::predict {

struct rate_limits {
  std::uint32_t horizon = 1;      ///< So many bins ahead is what is asked for; 1 to 1024.
  std::uint32_t season_max = 200; ///< Longest cycle that is looked for, in bins; 2 to 1024.
};

struct rate_outlook {
  double expected = 0;      ///< In the bin `horizon` ahead; never negative.
  double error = 0;         ///< How far off such forecasts were of late: the mean of |came - expected|.
  std::uint32_t season = 0; ///< Bins of the cycle that the forecast goes by; 0: by none.
};

/// How much will come in a bin of time to come, where so much came in each bin until now: requests in a
/// minute, work in an hour. Holt and Winters' additive smoothing (Winters 1960) without its trend, at three
/// speeds, each with and without a cycle; that one speaks which erred least of late at this very horizon
/// (follow the leader; Cesa-Bianchi and Lugosi 2006). The cycle is found by autocorrelation, and has to be
/// better than none to be believed. Measured in docs/experts/rate-forecast.md, also why there is no trend.
///
/// A bin costs about 4 µs with the usual limits, nearly all of it the search for a cycle, which comes every
/// 24 bins. 48 bytes for each bin of the longest cycle and of the horizon. A pure value; one thread.
class rate_forecast {
public:
  explicit rate_forecast(rate_limits limits = {});

  /// The next bin is over. What is not finite or is negative counts as 0, what is above 1e15 as that.
  void add(double came);
  /// Zero before the first bin; `error` is 0 until a forecast was tried.
  rate_outlook next() const;

private:
  static constexpr std::array<double, 3> speeds = {0.05, 0.2, 0.5};
  static constexpr std::size_t models = 2 * speeds.size(); ///< Without a cycle, then with it.
  struct model {
    double level = 0;
    double error = 0; ///< Discounted sum.
    std::vector<double> cycle;
  };

  double forecast(const model& of, std::uint64_t bin) const;
  const model& leader() const;
  void judge(double came);
  void smooth(double came);
  void seek_cycle();
  std::uint32_t cycle_of(std::span<const double> past) const;
  void adopt(std::uint32_t season, std::span<const double> past);

  rate_limits limits_;
  std::array<model, models> models_;
  std::vector<std::array<double, models>> waiting_; ///< Forecasts whose bin is to come, in a ring.
  std::vector<double> past_;                        ///< The last three longest cycles, in order.
  std::uint64_t bins_ = 0;
  double judged_ = 0; ///< Discounted count of forecasts that were tried.
  std::uint32_t season_ = 0;
};

} // namespace forerun::predict
