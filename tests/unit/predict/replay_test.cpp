#include "runtime/predict/replay.hpp"
#include "tests/unit/predict/notes.hpp"

using namespace forerun::predict;

namespace {

struct reader {
  replay_expert it{4096};
  notes said{mix_expert::replay};
  std::uint64_t fresh = 1'000'000;

  void read(std::uint64_t first, std::uint32_t count = 1) {
    said.forget();
    it.observe({first, count, true}, 0, said);
  }
  void read_all(std::initializer_list<std::uint64_t> starts) {
    for (const auto start : starts)
      read(start);
  }
  /// Requests that never come again.
  void others(std::size_t count = 100) {
    for (std::size_t at = 0; at < count; ++at)
      read(fresh += 1000);
  }
};

} // namespace

TEST_CASE("what followed a request the last time is proposed in its order, whole requests at a time") {
  reader one;
  one.read(10);
  one.read(500, 3);
  one.read(70);
  one.others();
  one.read(10);
  REQUIRE(one.said.order.size() >= 4);
  CHECK(one.said.order[0] == 500);
  CHECK(one.said.order[2] == 502);
  CHECK(one.said.order[3] == 70);
  CHECK(one.said.made.at(502).ahead == 1);
  CHECK(one.said.made.at(70).ahead == 2);
}

TEST_CASE("a repetition within a few requests is no news") {
  reader one;
  one.read_all({10, 500, 70, 10});
  CHECK(one.said.made.empty());
}

TEST_CASE("the place whose past is most like the present is followed") {
  reader one;
  // Into the log at once, so that there is no cursor yet.
  for (const auto start : {8, 9, 10, 600})
    one.it.log().append(static_cast<std::uint64_t>(start), 1);
  one.others();
  for (const auto start : {5, 6, 10, 700})
    one.it.log().append(static_cast<std::uint64_t>(start), 1);
  one.others();
  one.it.log().append(8, 1);
  one.it.log().append(9, 1);
  one.read(10);
  CHECK(one.said.order.front() == 600);
}

TEST_CASE("a cursor that was right more often is another case than a new one") {
  reader one;
  for (std::uint64_t at = 0; at < 40; ++at)
    one.read(10 + at * 777);
  one.others();
  one.read(10);
  const auto young = one.said.made.at(10 + 777).context;
  for (std::uint64_t at = 1; at < 20; ++at)
    one.read(10 + at * 777);
  CHECK(one.said.made.at(10 + 20 * 777).context != young);
}

TEST_CASE("two interleaved sequences are followed side by side") {
  reader one;
  const auto left = [](std::uint64_t at) { return 10 + at * 777; };
  const auto right = [](std::uint64_t at) { return 500'000 + at * 333; };
  for (std::uint64_t at = 0; at < 50; ++at)
    one.read(left(at));
  one.others();
  for (std::uint64_t at = 0; at < 50; ++at)
    one.read(right(at));
  one.others();
  for (std::uint64_t at = 0; at < 40; ++at) {
    one.read(left(at));
    CHECK(one.said.made.contains(left(at + 1)));
    one.read(right(at));
    CHECK(one.said.made.contains(right(at + 1)));
  }
}
