#include "runtime/provenance/distinct.hpp"
#include "runtime/provenance/durations.hpp"
#include "runtime/provenance/space_saving.hpp"
#include <cmath>
#include <doctest/doctest.h>
#include <map>
#include <random>

using namespace forerun;
using namespace forerun::provenance;

namespace {

/// Numbers from 1 on, of which number n is drawn about n^-`skew` as often as 1.
class zipf {
public:
  zipf(std::size_t count, double skew) {
    for (std::size_t n = 1; n <= count; ++n)
      weights_.push_back((weights_.empty() ? 0 : weights_.back()) + std::pow(static_cast<double>(n), -skew));
  }
  std::uint64_t operator()(std::mt19937_64& random) const {
    const auto at = std::uniform_real_distribution<>(0, weights_.back())(random);
    return static_cast<std::uint64_t>(std::lower_bound(weights_.begin(), weights_.end(), at) -
                                      weights_.begin()) +
           1;
  }

private:
  std::vector<double> weights_;
};

} // namespace

TEST_CASE("the heaviest keys of a stream are bounded from both sides, whatever the stream") {
  for (const double skew : {0.0, 0.8, 1.2}) {
    std::mt19937_64 random{static_cast<std::uint64_t>(skew * 10) + 1};
    const zipf draw(20000, skew);
    space_saving<std::uint64_t> most{500};
    std::map<std::uint64_t, std::uint64_t> exact;
    std::uint64_t total = 0;
    for (int i = 0; i < 200'000; ++i) {
      const auto key = draw(random);
      const auto amount = random() % 4;
      most.add(key, amount);
      exact[key] += amount;
      total += amount;
      REQUIRE(most.counters() <= 500);
    }
    CHECK(most.others_max() > 0);
    CHECK(most.others_max() <= total / 375);
    const auto rows = most.top(1000);
    REQUIRE(rows.size() == most.counters());
    REQUIRE(rows.size() >= 375);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      REQUIRE(rows[i].amount >= exact[rows[i].key]);
      REQUIRE(rows[i].amount - rows[i].over <= exact[rows[i].key]);
      REQUIRE((i == 0 || rows[i].amount <= rows[i - 1].amount));
      exact.erase(rows[i].key);
    }
    for (const auto& [key, amount] : exact)
      REQUIRE(amount <= most.others_max());
  }
}

TEST_CASE("of a skewed stream the ten heaviest keys are found, nearly exactly") {
  std::mt19937_64 random{3};
  const zipf draw(1'000'000, 1.1);
  space_saving<std::uint64_t> most{2000};
  std::map<std::uint64_t, std::uint64_t> exact;
  for (int i = 0; i < 500'000; ++i) {
    const auto key = draw(random);
    most.add(key, 1);
    ++exact[key];
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> truth;
  for (const auto& [key, count] : exact)
    truth.emplace_back(count, key);
  std::sort(truth.rbegin(), truth.rend());
  const auto rows = most.top(10);
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(rows[i].key == truth[i].second);
    CHECK(rows[i].amount - truth[i].first <= truth[i].first / 100);
  }
}

TEST_CASE("as long as every key has a counter all amounts are exact") {
  space_saving<int> most{4};
  for (const int key : {1, 2, 3, 2, 3, 3, 4, 4, 4, 4})
    most.add(key, 1);
  most.add(9, 0); // Nothing needs no counter.
  CHECK(most.others_max() == 0);
  const auto rows = most.top(2);
  REQUIRE(rows.size() == 2);
  CHECK((rows[0].key == 4 && rows[0].amount == 4 && rows[0].over == 0));
  CHECK((rows[1].key == 3 && rows[1].amount == 3 && rows[1].over == 0));
  most.add(5, 1); // In the place of 1, whose amount it may have had.
  CHECK(most.others_max() == 1);
  CHECK(most.counters() == 4);
  most.add(5, 3);
  CHECK((most.top(1)[0].key == 5 && most.top(1)[0].amount == 5 && most.top(1)[0].over == 1));
}

TEST_CASE("different ones are estimated within the error that is stated, and without bias") {
  for (const std::uint64_t wanted : {0u, 1u, 2u, 100u, 3000u, 8000u, 12'000u, 100'000u, 1'000'000u}) {
    const int sketches = wanted > 10'000 ? 10 : 50;
    double sum = 0;
    int within = 0;
    for (int i = 0; i < sketches; ++i) {
      std::mt19937_64 random{wanted * 100 + static_cast<std::uint64_t>(i)};
      distinct_sketch sketch;
      for (std::uint64_t k = 0; k < wanted; ++k) {
        const auto hash = random();
        sketch.add(hash);
        sketch.add(hash);
      }
      const auto got = static_cast<double>(sketch.count());
      const auto error = (got - static_cast<double>(wanted)) / std::max(1.0, static_cast<double>(wanted));
      CHECK(std::abs(error) < 4 * distinct_sketch::standard_error);
      within += std::abs(error) <= 2 * distinct_sketch::standard_error ? 1 : 0;
      sum += error;
    }
    CHECK(within >= sketches * 8 / 10);
    CHECK(std::abs(sum / sketches) < 3 * distinct_sketch::standard_error / std::sqrt(sketches));
  }
}

TEST_CASE("two sketches make one of what both have seen") {
  std::mt19937_64 random{8};
  distinct_sketch one, two, both;
  for (int i = 0; i < 20'000; ++i) {
    const auto hash = random();
    if (i < 15'000)
      one.add(hash);
    if (i >= 5000)
      two.add(hash);
    both.add(hash);
  }
  one.add(two);
  CHECK(one.count() == both.count());
  // Every register as full as it can be: a number still, if only a guess.
  distinct_sketch full;
  for (std::uint64_t i = 0; i < distinct_sketch::registers; ++i)
    full.add(i << (64 - distinct_sketch::index_bits));
  CHECK(full.count() > std::uint64_t{1} << 60);
}

TEST_CASE("quantiles are at most a sixteenth too large and never too small") {
  std::mt19937_64 random{4};
  durations times;
  std::vector<std::int64_t> exact;
  for (int i = 0; i < 20'000; ++i) {
    const auto value = static_cast<std::int64_t>(random() >> (1 + random() % 63));
    times.add(nanos{value});
    exact.push_back(value);
  }
  std::sort(exact.begin(), exact.end());
  for (const double share : {0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999}) {
    const auto truth = exact[static_cast<std::size_t>(share * 20'000)];
    const auto got = times.quantile(share).count();
    CHECK(got >= truth);
    CHECK(got - truth <= truth / 16);
  }
  CHECK(times.quantile(1).count() == exact.back());
  CHECK(times.min().count() == exact.front());
  CHECK(times.max().count() == exact.back());
  std::vector<std::uint64_t> octaves(
      static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(exact.back()))));
  double sum = 0;
  for (const auto value : exact) {
    ++octaves[value == 0 ? 0
                         : static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(value))) - 1];
    sum += static_cast<double>(value);
  }
  CHECK(times.summary().octaves == octaves);
  CHECK(times.summary().p90 == times.quantile(0.9));
  CHECK(std::abs(static_cast<double>(times.mean().count()) - sum / 20'000) <= sum / 20'000 * 1e-9);
}

TEST_CASE("no time at all, one, and the ends of the scale") {
  durations times;
  CHECK(times.quantile(0.5) == nanos{0});
  CHECK(times.mean() == nanos{0});
  CHECK(times.summary() == duration_summary{});
  times.add(nanos{1000});
  CHECK(times.quantile(0.5) == nanos{1000});
  CHECK(times.quantile(0.99) == nanos{1000});
  times.add(nanos::max());
  times.add(nanos{-5});
  CHECK(times.min() == nanos{0});
  CHECK(times.max() == nanos::max());
  CHECK(times.quantile(0.99) == nanos::max());
  CHECK(times.summary().octaves.size() == durations::octaves);
  CHECK(times.summary().octaves.back() == 1);
}
