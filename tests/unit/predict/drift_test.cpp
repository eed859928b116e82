#include "runtime/predict/drift.hpp"
#include <doctest/doctest.h>
#include <random>

using forerun::predict::drift_watch;

namespace {

/// So many outcomes of honest or other probabilities; returns after how many an alarm came, or all.
int listen(drift_watch& to, int count, float said, double truth) {
  std::mt19937 random(5);
  std::bernoulli_distribution came_true(truth);
  for (int at = 1; at <= count; ++at)
    if (to.settle(said, came_true(random)))
      return at;
  return count;
}

} // namespace

TEST_CASE("honest probabilities raise no alarm, however hard the traffic is to predict") {
  drift_watch it(256);
  for (const auto said : {0.02f, 0.3f, 0.5f, 0.9f, 0.99f})
    CHECK(listen(it, 100'000, said, static_cast<double>(said)) == 100'000);
  CHECK(it.noticed() == 0);
}

TEST_CASE("what was sure and is no longer true is noticed within some hundred outcomes") {
  drift_watch sure(256), hopeless(256);
  CHECK(listen(sure, 10'000, 0.95f, 0.1) < 400);
  CHECK(listen(hopeless, 10'000, 0.05f, 0.9) < 400);
}

TEST_CASE("a small error is not a change of the rules") {
  drift_watch it(256);
  CHECK(listen(it, 100'000, 0.8f, 0.75) == 100'000);
}

TEST_CASE("a burst of failures that successes paid for before is none either") {
  drift_watch it(256);
  for (int round = 0; round < 100; ++round) {
    for (int at = 0; at < 1800; ++at)
      it.settle(0.9f, true);
    for (int at = 0; at < 200; ++at)
      it.settle(0.9f, false);
  }
  CHECK(it.noticed() == 0);
}

TEST_CASE("each change is counted once, and the next one is noticed again") {
  drift_watch it(256);
  listen(it, 10'000, 0.95f, 0.1);
  CHECK(it.noticed() == 1);
  listen(it, 1000, 0.1f, 0.1);
  CHECK(it.noticed() == 1);
  listen(it, 10'000, 0.1f, 0.95);
  CHECK(it.noticed() == 2);
}
