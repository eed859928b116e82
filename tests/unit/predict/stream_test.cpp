#include "runtime/predict/stream.hpp"
#include "tests/unit/predict/notes.hpp"

using namespace forerun::predict;

namespace {

struct reader {
  stream_expert it;
  notes said{mix_expert::stream};

  void read(std::uint64_t first, std::uint32_t count) {
    said.forget();
    it.observe({first, count, true}, 0, said);
  }
};

} // namespace

TEST_CASE("what comes behind a request is proposed, nearest first, without a gap and only once") {
  reader one;
  one.said.takes = true;
  one.read(1000, 8);
  REQUIRE(one.said.order.size() > 24);
  for (std::size_t at = 0; at < one.said.order.size(); ++at)
    CHECK(one.said.order[at] == 1008 + at);
  CHECK(one.said.made.at(1008).ahead < one.said.made.at(1032).ahead);
  const auto last = one.said.order.back();
  one.read(1008, 8);
  REQUIRE_FALSE(one.said.order.empty());
  CHECK(one.said.order.front() == last + 1);
}

TEST_CASE(
    "interleaved streams are told apart, and what is unaligned or leaves a little out is the same stream") {
  reader one;
  for (std::uint64_t at = 0; at < 5; ++at) {
    one.read(1000 + at * 16 - (at > 0 ? 1 : 0), 17); // Overlaps by a block.
    CHECK(one.it.run() == at + 1);
    one.read(50'000 + at * 20, 16); // Leaves four out.
    CHECK(one.it.run() == at + 1);
    one.read(90'000 + at * 5000, 4); // None.
    CHECK(one.it.run() == 1);
  }
}

TEST_CASE("a stride is proposed once the same distance came twice, backwards as well") {
  for (const int step : {40, -40}) {
    CAPTURE(step);
    reader one;
    const auto at = [step](int time) { return static_cast<std::uint64_t>(10'000 + step * time); };
    one.read(at(0), 2);
    one.read(at(1), 2);
    one.read(at(2), 2);
    REQUIRE(one.said.made.contains(at(3)));
    CHECK(one.said.made.contains(at(3) + 1));
    CHECK_FALSE(one.said.made.contains(at(3) + 2));
    CHECK(one.said.made.at(at(4)).ahead == 2);
  }
}

TEST_CASE("what is hopeless is not proposed, and what was rejected is proposed again when it is nearer") {
  reader one;
  one.said.quality = 0.1f;
  one.read(0, 8);
  CHECK(one.said.made.empty());
  one.said.quality = 0.5f;
  one.read(8, 8);
  const auto first = one.said.order;
  REQUIRE_FALSE(first.empty());
  CHECK(first.size() < 8); // Nobody takes them: why go on?
  one.read(16, 8);
  CHECK(one.said.order.front() == 24);
}

TEST_CASE("a block that was read before is another case than a new one") {
  reader one;
  one.said.before = {9};
  one.read(0, 8);
  REQUIRE(one.said.made.contains(9));
  CHECK(one.said.made.at(8).context != one.said.made.at(9).context);
}
