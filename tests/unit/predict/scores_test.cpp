#include "runtime/predict/scores.hpp"
#include <cmath>
#include <doctest/doctest.h>

using namespace forerun::predict;

namespace {

/// `count` proposals of one probability, of which that share came true.
void tell(scores& of, int count, float said, double share) {
  double owed = 0;
  for (int at = 0; at < count; ++at) {
    owed += share;
    of.settle(said, owed >= 0.5);
    owed -= owed >= 0.5;
  }
}

} // namespace

TEST_CASE("eight of ten at 0.8 is honest, and five of ten at 0.8 is wrong by 0.3") {
  scores honest, boastful;
  tell(honest, 1000, 0.8f, 0.8);
  tell(boastful, 1000, 0.8f, 0.5);
  CHECK(honest.calibration_error() == doctest::Approx(0).epsilon(0.01));
  CHECK(boastful.calibration_error() == doctest::Approx(0.3).epsilon(0.01));
}

TEST_CASE("saying too much here is not made good by saying too little there") {
  scores it;
  tell(it, 1000, 0.9f, 0.5);
  tell(it, 1000, 0.1f, 0.5);
  CHECK(it.calibration_error() == doctest::Approx(0.4).epsilon(0.01));
}

TEST_CASE("the Brier score and the log loss are those of the definition") {
  scores it;
  it.settle(0.8f, true);
  it.settle(0.6f, false);
  CHECK(it.brier() == doctest::Approx((0.04 + 0.36) / 2));
  CHECK(it.log_loss() == doctest::Approx(-(std::log(0.8) + std::log(0.4)) / 2));
  CHECK(it.count() == 2);
  CHECK(it.used() == 1);
}

TEST_CASE("one surprise after certainty is a finite loss, and a wild probability is cut") {
  scores it;
  it.settle(1, false);
  it.settle(-3, true);
  it.settle(7, true);
  CHECK(std::isfinite(it.log_loss()));
  CHECK(it.bins().back().count == 2);
  CHECK(it.bins().front().count == 1);
}

TEST_CASE("nothing settled is no error, and no number that is none") {
  const scores it;
  CHECK(it.calibration_error() == 0);
  CHECK(it.brier() == 0);
  CHECK(it.log_loss() == 0);
}

TEST_CASE("old mistakes fade, and their count does not") {
  scores forgets(1000), remembers;
  for (auto* it : {&forgets, &remembers}) {
    tell(*it, 5000, 0.9f, 0.1);
    tell(*it, 5000, 0.9f, 0.9);
  }
  CHECK(forgets.calibration_error() < 0.02);
  CHECK(remembers.calibration_error() == doctest::Approx(0.4).epsilon(0.01));
  CHECK(forgets.count() == 10'000);
}

TEST_CASE("after very many outcomes the weights are still numbers") {
  scores it(2); // Each outcome counts half as much again as the one before: 1e100 after some 570.
  tell(it, 10'000, 0.5f, 0.5);
  CHECK(it.brier() == doctest::Approx(0.25));
  CHECK(std::isfinite(it.bins()[10].count));
  CHECK(it.bins()[10].count == doctest::Approx(3).epsilon(0.01));
}

TEST_CASE("merged scores are those of both parts together") {
  scores one, other(100), both;
  tell(one, 500, 0.9f, 0.5);
  tell(both, 500, 0.9f, 0.5);
  one.merge(scores(100));
  CHECK(one.calibration_error() == doctest::Approx(both.calibration_error()));
  scores more;
  tell(more, 500, 0.3f, 0.3);
  tell(both, 500, 0.3f, 0.3);
  one.merge(more);
  CHECK(one.brier() == doctest::Approx(both.brier()));
  CHECK(one.count() == 1000);
}
