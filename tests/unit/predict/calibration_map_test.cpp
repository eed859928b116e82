#include "runtime/predict/calibration_map.hpp"
#include <doctest/doctest.h>

using forerun::predict::calibration_map;

namespace {

/// One proposal in so many comes true.
void teach(calibration_map& map, float estimate, int count, int one_in) {
  for (int at = 0; at < count; ++at) {
    map.open(estimate);
    map.settle(estimate, false, at % one_in == 0);
  }
}

} // namespace

TEST_CASE("before anything is known the estimate is what is said") {
  const calibration_map map;
  for (const auto estimate : {0.0f, 0.1f, 0.33f, 0.5f, 0.97f, 1.0f})
    CHECK(map.said(estimate) == doctest::Approx(estimate));
}

TEST_CASE("an estimate that is too high is put right, and others are not touched") {
  calibration_map map;
  teach(map, 0.75f, 1000, 4);
  CHECK(map.said(0.75f) == doctest::Approx(0.25).epsilon(0.05));
  CHECK(map.said(0.25f) == doctest::Approx(0.25));
}

TEST_CASE("between two estimates that were learned lies what is between their truths") {
  calibration_map map;
  teach(map, 16.0f / 32, 4000, 2);
  teach(map, 17.0f / 32, 4000, 4);
  CHECK(map.said(16.5f / 32) == doctest::Approx(0.375).epsilon(0.05));
}

TEST_CASE("what is open is half a no, and a proposal that is withdrawn leaves nothing behind") {
  calibration_map map;
  for (int at = 0; at < 32; ++at)
    map.open(0.5f);
  CHECK(map.said(0.5f) == doctest::Approx(0.25));
  for (int at = 0; at < 32; ++at)
    map.withdraw(0.5f);
  CHECK(map.said(0.5f) == doctest::Approx(0.5));
}

TEST_CASE("a doubted proposal that comes true after all counts as any other") {
  calibration_map prompt, tardy;
  for (int at = 0; at < 100; ++at) {
    prompt.open(0.5f);
    prompt.settle(0.5f, false, at % 2 == 0);
    tardy.open(0.5f);
    tardy.doubt(0.5f);
    tardy.settle(0.5f, true, at % 2 == 0);
  }
  CHECK(tardy.said(0.5f) == doctest::Approx(prompt.said(0.5f)));
}

TEST_CASE("what was true once is forgotten") {
  calibration_map map;
  teach(map, 0.5f, 100'000, 1);
  CHECK(map.said(0.5f) > 0.95f);
  teach(map, 0.5f, 10'000, 100);
  CHECK(map.said(0.5f) < 0.1f);
}

TEST_CASE("whatever it is told it says a probability") {
  calibration_map map;
  map.withdraw(0.5f);
  map.settle(0.5f, true, true);
  map.settle(7, false, true);
  map.settle(-7, false, false);
  for (const auto estimate : {-1.0f, 0.0f, 0.5f, 1.0f, 3.0f}) {
    CHECK(map.said(estimate) >= 0);
    CHECK(map.said(estimate) <= 1);
  }
}
