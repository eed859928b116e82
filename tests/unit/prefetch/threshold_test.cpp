#include "runtime/prefetch/threshold.hpp"
#include <algorithm>
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::prefetch;

namespace {

constexpr nanos second = std::chrono::seconds{1};
constexpr threshold_limits limits{.start = 0.5f, .min = 0.2f, .max = 0.9f};

/// What a world does in a period at this threshold.
struct weather {
  float stall = 0; ///< Share of time.
  float waste = 0; ///< Share of what is moved.
  float load = 0;
  std::uint64_t moved = 1000;
};

/// Least and greatest value of the last half of so many periods.
struct swing {
  float least = 1, most = 0;
  float width() const { return most - least; }
};

template <class World> swing live(threshold& it, int periods, World world) {
  swing seen;
  for (int at = 0; at < periods; ++at) {
    const weather now = world(at, it.value());
    it.update({.period = second,
               .stall = nanos{static_cast<nanos::rep>(now.stall * 1e9f)},
               .moved_blocks = now.moved,
               .wasted_blocks = static_cast<std::uint64_t>(now.waste * static_cast<float>(now.moved))},
              now.load);
    if (at < periods / 2)
      continue;
    seen.least = std::min(seen.least, it.value());
    seen.most = std::max(seen.most, it.value());
  }
  return seen;
}

} // namespace

TEST_CASE(
    "a high latency lowers the threshold to the operator's floor, and a low one raises it to the ceiling") {
  threshold it(limits);
  live(it, 40, [](int, float) { return weather{.stall = 0.5f}; });
  CHECK(it.value() == doctest::Approx(0.2f));
  live(it, 400, [](int, float) { return weather{}; });
  CHECK(it.value() == doctest::Approx(0.9f));
}

TEST_CASE("the threshold falls faster than it rises, for a read that waits is dearer than a block in vain") {
  threshold down(limits), up(limits);
  live(down, 5, [](int, float) { return weather{.stall = 0.5f}; });
  live(up, 5, [](int, float) { return weather{}; });
  CHECK(0.5f - down.value() > 4 * (up.value() - 0.5f));
  CHECK(up.value() > 0.5f);
}

TEST_CASE("a latency that is neither high nor low, or a volume that rests, changes nothing") {
  threshold between(limits), resting(limits);
  live(between, 20, [](int, float) { return weather{.stall = 0.01f}; });
  const auto settled = between.value();
  live(between, 100, [](int, float) { return weather{.stall = 0.01f}; });
  CHECK(between.value() == settled);
  live(resting, 100, [](int, float) { return weather{.moved = 0}; });
  CHECK(resting.value() == 0.5f);
}

TEST_CASE("after a step in latency the threshold comes to rest") {
  // The more is moved, the less waits; from the 100th second on it takes more to that end.
  threshold it(limits);
  const auto world = [](int at, float value) {
    return weather{.stall = std::clamp(value - (at < 100 ? 0.6f : 0.4f), 0.0f, 1.0f)};
  };
  const auto seen = live(it, 600, world);
  CHECK(seen.width() < 0.05f);
  CHECK(it.value() < 0.45f);
  CHECK(it.value() > 0.35f);
}

TEST_CASE("where a little less prefetch makes all the difference the threshold stays near that edge") {
  threshold it(limits);
  const auto seen =
      live(it, 1000, [](int, float value) { return weather{.stall = value > 0.6f ? 0.5f : 0.0f}; });
  CHECK(seen.width() < 0.08f);
  CHECK(seen.least > 0.5f);
  CHECK(seen.most < 0.65f);
}

TEST_CASE("a burst of waste raises the threshold, and when reads wait for it, it comes back") {
  threshold it(limits);
  live(it, 15, [](int, float) { return weather{.stall = 0.01f, .waste = 0.9f}; });
  CHECK(it.value() > 0.7f);
  const auto seen =
      live(it, 400, [](int, float value) { return weather{.stall = std::max(0.0f, value - 0.5f)}; });
  CHECK(seen.most < 0.6f);
  CHECK(seen.width() < 0.05f);
}

TEST_CASE("waste told while nothing is moved any more is waste all the same") {
  threshold it(limits);
  it.update({.period = second, .wasted_blocks = 50}, 0);
  CHECK(it.value() > 0.5f);
}

TEST_CASE("a path that demand fills raises the threshold although reads wait") {
  threshold it(limits);
  live(it, 60, [](int, float) { return weather{.stall = 0.8f, .load = 1}; });
  CHECK(it.value() == doctest::Approx(0.9f));
}

TEST_CASE("good and bad seconds in turn do not throw the threshold about") {
  threshold it(limits);
  const auto seen = live(
      it, 400, [](int at, float) { return at % 2 == 0 ? weather{.stall = 0.3f} : weather{.waste = 0.8f}; });
  CHECK(seen.width() < 0.1f);
}

TEST_CASE("a period of no length says nothing, and wild figures leave the limits unbroken") {
  threshold it(limits);
  it.update({.period = nanos{0}, .stall = second}, 1);
  CHECK(it.value() == 0.5f);
  for (int at = 0; at < 100; ++at)
    it.update({.period = second, .stall = 1000 * second, .moved_blocks = 1, .wasted_blocks = ~0ull}, -5);
  CHECK(it.value() >= 0.2f);
  CHECK(it.value() <= 0.9f);
}
