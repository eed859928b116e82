#include "runtime/predict/rate_forecast.hpp"
#include "runtime/replay/packed_file.hpp"
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <limits>
#include <string>

using namespace forerun;
using namespace forerun::predict;

namespace {

/// Mean error at the horizon, from a fifth of the series on; `forecast` says what it expects after each bin.
template <class forecaster>
double error_of(const std::vector<double>& series, std::uint32_t horizon, forecaster forecast) {
  std::vector<double> said;
  double error = 0;
  std::size_t count = 0;
  for (std::size_t at = 0; at < series.size(); ++at) {
    if (at >= horizon && at >= series.size() / 5) {
      error += std::abs(series[at] - said[at - horizon]);
      ++count;
    }
    said.push_back(forecast(series[at]));
  }
  return error / static_cast<double>(count);
}

double error_of_ours(const std::vector<double>& series, std::uint32_t horizon) {
  rate_forecast it({.horizon = horizon});
  return error_of(series, horizon, [&](double came) {
    it.add(came);
    return it.next().expected;
  });
}

double error_of_mean(const std::vector<double>& series, std::uint32_t horizon, double speed) {
  double level = series.front();
  return error_of(series, horizon, [&](double came) { return level += speed * (came - level); });
}

double error_of_best_mean(const std::vector<double>& series, std::uint32_t horizon) {
  return std::min({error_of_mean(series, horizon, 0.05), error_of_mean(series, horizon, 0.2),
                   error_of_mean(series, horizon, 0.5)});
}

/// -1 to 1.
double noise(std::uint64_t& seed) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return static_cast<double>(seed >> 33) / (1u << 30) - 1;
}

std::vector<double> days(std::size_t count, double noisy, double steeper = 0) {
  std::vector<double> series;
  std::uint64_t seed = 5;
  for (std::size_t hour = 0; hour < count * 24; ++hour)
    series.push_back(100 + steeper * static_cast<double>(hour) +
                     80 * std::sin(static_cast<double>(hour) * 6.283185307 / 24) + noisy * noise(seed));
  return series;
}

} // namespace

TEST_CASE("a cycle is found, and what comes six bins ahead is told by it") {
  const auto series = days(14, 10);
  rate_forecast it({.horizon = 6});
  for (const auto came : series)
    it.add(came);
  CHECK(it.next().season == 24);
  CHECK(it.next().error < 15);
  CHECK(std::abs(it.next().expected - (100 + 80 * std::sin((14 * 24 + 5) * 6.283185307 / 24))) < 20);
  CHECK(error_of_ours(series, 6) * 2 < error_of_best_mean(series, 6));
}

TEST_CASE("a trend does not hide a cycle") {
  rate_forecast it;
  for (const auto came : days(14, 10, 1))
    it.add(came);
  CHECK(it.next().season == 24);
}

TEST_CASE("a cycle that ends is given up") {
  auto series = days(10, 10);
  std::uint64_t seed = 9;
  for (int hour = 0; hour < 240; ++hour)
    series.push_back(100 + 10 * noise(seed));
  rate_forecast it({.horizon = 6});
  for (const auto came : series)
    it.add(came);
  CHECK(it.next().error < 12);
  CHECK(std::abs(it.next().expected - 100) < 12);
}

TEST_CASE("where there is no cycle it is about as good as the best of the plain means, steady or not") {
  std::vector<double> steady, wandering;
  std::uint64_t seed = 3;
  double level = 1000;
  for (int bin = 0; bin < 1000; ++bin) {
    steady.push_back(100 + 50 * noise(seed));
    wandering.push_back(level = std::max(0.0, level + 30 * noise(seed)));
  }
  for (const auto horizon : {1u, 6u}) {
    CAPTURE(horizon);
    CHECK(error_of_ours(steady, horizon) < 1.05 * error_of_best_mean(steady, horizon));
    CHECK(error_of_ours(wandering, horizon) < 1.05 * error_of_best_mean(wandering, horizon));
  }
}

TEST_CASE("the error that is told is that of its forecasts") {
  std::vector<double> series;
  std::uint64_t seed = 3;
  for (int bin = 0; bin < 400; ++bin)
    series.push_back(100 + 50 * noise(seed));
  rate_forecast it({.horizon = 3});
  for (const auto came : series)
    it.add(came);
  CHECK(it.next().error == doctest::Approx(error_of_ours(series, 3)).epsilon(0.25));
}

TEST_CASE("no amount that comes makes it say what is no amount") {
  const std::array hostile = {std::numeric_limits<double>::quiet_NaN(),
                              std::numeric_limits<double>::infinity(),
                              -5.0,
                              1e308,
                              0.0,
                              3.0};
  rate_forecast it({.horizon = 0, .season_max = 0});
  CHECK(it.next().expected == 0);
  for (int bin = 0; bin < 500; ++bin) {
    it.add(hostile[static_cast<std::size_t>(bin * bin) % hostile.size()]);
    const auto told = it.next();
    REQUIRE(std::isfinite(told.expected));
    REQUIRE(std::isfinite(told.error));
    REQUIRE(told.expected >= 0);
  }
  rate_forecast nothing;
  for (int bin = 0; bin < 500; ++bin)
    nothing.add(7);
  CHECK(nothing.next().expected == doctest::Approx(7));
  CHECK(nothing.next().season == 0);
}

TEST_CASE("requests to a service in each hour, recorded: six hours ahead better than any plain mean") {
  const auto* named = std::getenv("FORERUN_TRACES");
  const std::filesystem::path traces = named != nullptr ? named : "../shared/traces";
  const auto path = traces / "events/alibaba_lora_a.csv.gz";
  if (!std::filesystem::exists(path)) {
    MESSAGE("skipped: " << path << " is not there; FORERUN_TRACES names the folder of recordings");
    return;
  }
  auto file = replay::packed_file::open(path);
  REQUIRE(file);
  std::string text;
  std::array<char, 65536> piece{};
  for (auto got = file.value().read(piece); got && got.value() > 0; got = file.value().read(piece))
    text.append(piece.data(), got.value());
  std::vector<double> hours;
  long long first = -1;
  for (auto at = text.find('\n'); at != std::string::npos && at + 1 < text.size();
       at = text.find('\n', at + 1)) {
    const auto hour = std::atoll(text.c_str() + at + 1) / 3'600'000;
    if (first < 0)
      first = hour;
    hours.resize(std::max(hours.size(), static_cast<std::size_t>(hour - first + 1)));
    ++hours[static_cast<std::size_t>(hour - first)];
  }
  REQUIRE(hours.size() > 300);
  MESSAGE("ours " << error_of_ours(hours, 6) << ", best mean " << error_of_best_mean(hours, 6));
  CHECK(error_of_ours(hours, 6) < 0.85 * error_of_best_mean(hours, 6));
}
