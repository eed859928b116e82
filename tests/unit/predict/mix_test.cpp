#include "runtime/base/block_set.hpp"
#include "runtime/predict/mix.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::predict;

namespace {

/// A cache without bound, in which what is asked for is there at once.
struct guest final : residency {
  mix experts;
  block_set here, early;
  std::uint64_t misses = 0, moved = 0, used = 0, requests = 0;
  std::vector<prediction> last;
  link_figures link;

  bool absent(std::uint64_t block) const override { return !here.contains(block); }
  std::uint64_t blocks() const override { return 1u << 22; }
  void read(std::uint64_t first, std::uint32_t count) {
    forerun::access seen;
    seen.where = {first, count};
    seen.arrived = instant{std::chrono::seconds{++requests}};
    for (auto block = first; block < first + count; ++block)
      if (here.insert(block))
        ++misses, seen.how = outcome::miss;
      else
        seen.first_use_blocks += early.contains(block) && fresh.insert(block);
    used += seen.first_use_blocks;
    mix_output out;
    experts.observe(seen, true, *this, link, out);
    for (const auto& one : out.fetch) {
      CHECK(one.where.count <= 64);
      for (auto block = one.where.first; block < one.where.end(); ++block)
        if (here.insert(block)) {
          ++moved;
          early.insert(block);
        }
    }
    last = out.fetch;
  }
  void drop() { here.clear(), early.clear(), fresh.clear(); }

private:
  block_set fresh;
};

std::uint64_t next(std::uint64_t& seed) {
  return (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33;
}

} // namespace

TEST_CASE("interleaved streams are found, and nearly nothing of them is missed once they are known") {
  guest one;
  for (std::uint64_t at = 0; at < 600; ++at)
    for (std::uint64_t stream = 0; stream < 8; ++stream)
      one.read(stream * 100'000 + at * 4, 4);
  const auto before = one.misses;
  for (std::uint64_t at = 600; at < 1000; ++at)
    for (std::uint64_t stream = 0; stream < 8; ++stream)
      one.read(stream * 100'000 + at * 4, 4);
  CHECK(one.misses - before < 8 * 400 * 4 / 50);
  CHECK(one.moved - one.used < 8 * 256 + 64);
}

TEST_CASE("the streams' predictions name their expert and the time of the read") {
  guest one;
  for (std::uint64_t at = 0; at < 2000 && (one.last.empty() || one.last[0].by != expert::stream); ++at)
    one.read(at * 4, 4);
  REQUIRE_FALSE(one.last.empty());
  REQUIRE(one.last[0].by == expert::stream);
  CHECK(one.last[0].probability >= mix_budget_limits{}.threshold);
  CHECK(one.last[0].expected > instant{std::chrono::seconds{one.requests}});
}

TEST_CASE("what would surely come late is not moved unless it is nearly certain") {
  const auto moved = [](nanos delay, std::uint64_t run) {
    guest one;
    one.link.delay = delay; // At a request a second.
    std::uint64_t seed = 3, at = 0;
    for (int request = 0; request < 20'000; ++request) {
      at = next(seed) % run == 0 ? next(seed) % (1u << 22) : at + 1;
      one.read(at, 1);
    }
    return one.moved;
  };
  const auto at_once = moved({}, 4);
  CHECK(at_once > 1000);
  CHECK(moved(std::chrono::seconds{16}, 4) < at_once / 4);
  CHECK(moved(std::chrono::seconds{16}, 100) > 10'000);
}

TEST_CASE("random reads cost at most the credit that every beginning has") {
  guest one;
  std::uint64_t seed = 7;
  for (int at = 0; at < 20'000; ++at)
    one.read(next(seed) % (1u << 22), 2);
  const mix_budget_limits limits;
  CHECK(static_cast<double>(one.moved - one.used) <=
        limits.credit_start + 0.01 * static_cast<double>(one.misses));
}

TEST_CASE("a loop over scattered blocks is replayed, also after its blocks have left") {
  guest one;
  std::vector<std::uint64_t> loop(500);
  std::uint64_t seed = 3;
  for (auto& block : loop)
    block = next(seed) % (1u << 22);
  for (int round = 0; round < 12; ++round) {
    one.drop();
    one.misses = 0;
    for (const auto block : loop)
      one.read(block, 1);
  }
  CHECK(one.misses < 100);
  CHECK(one.experts.figures().used_blocks > 3000);
}

TEST_CASE(
    "what was recalled is followed when it comes for the first time here, and recalling moves nothing") {
  std::vector<std::uint64_t> order(2000);
  std::uint64_t seed = 5;
  for (auto& block : order)
    block = next(seed) % (1u << 22);
  const auto missed = [&](bool told) {
    guest one;
    if (told)
      for (const auto block : order) {
        forerun::access seen;
        seen.where = {block, 1};
        one.experts.recall(seen);
      }
    CHECK(one.experts.figures().proposed_blocks == 0);
    for (const auto block : order)
      one.read(block, 1);
    return one.misses;
  };
  CHECK(missed(true) * 2 < missed(false));
}

TEST_CASE("what was learned survives a save and a load") {
  guest one;
  std::vector<std::uint64_t> loop(500);
  std::uint64_t seed = 3;
  for (auto& block : loop)
    block = next(seed) % (1u << 22);
  for (int round = 0; round < 12; ++round) {
    one.drop();
    for (const auto block : loop)
      one.read(block, 1);
  }
  const auto saved = one.experts.save();
  guest other;
  REQUIRE(other.experts.load(saved));
  CHECK(other.experts.save() == saved);
  for (const auto block : loop)
    other.read(block, 1);
  CHECK(other.misses < 200);

  guest broken;
  auto bytes = saved;
  bytes[bytes.size() / 2] ^= std::byte{1};
  CHECK(broken.experts.load(bytes).error() == errc::corrupt);
  CHECK(broken.experts.load(std::span(saved).first(saved.size() - 9)).error() == errc::corrupt);
  CHECK(broken.experts.load({}).error() == errc::corrupt);
}

TEST_CASE("a context's counter comes to what is true of it, and forgets what was true once") {
  counter one;
  CHECK(one.p < mix_budget_limits{}.threshold);
  std::uint64_t seed = 5;
  for (int at = 0; at < 20'000; ++at)
    one.learn(next(seed) % 10 < 3);
  CHECK(one.p == doctest::Approx(0.3).epsilon(0.15));
  for (int at = 0; at < 20'000; ++at)
    one.learn(next(seed) % 10 < 8);
  CHECK(one.p == doctest::Approx(0.8).epsilon(0.1));
}

TEST_CASE("what was counted as false too early is put right exactly") {
  counter early, late;
  for (int at = 0; at < 100; ++at) {
    early.learn(at % 3 == 0);
    late.learn(at % 3 == 0);
  }
  early.learn(false);
  early.correct();
  late.learn(true);
  CHECK(early.p == doctest::Approx(late.p));
}

TEST_CASE("a request that is partly local pays for what was missing only") {
  // Half of each request is there; nothing of it was moved early.
  guest one;
  for (std::uint64_t at = 0; at < 4000; ++at) {
    for (auto block = at * 64; block < at * 64 + 32; ++block)
      one.here.insert(block);
    one.read(at * 64, 64);
  }
  // A plain cache would have missed all of it, so that there is much left to spend.
  for (std::uint64_t at = 0; at < 2000; ++at)
    one.read(3'000'000 + at * 4, 4);
  CHECK(one.used > 4 * 1800);
}

TEST_CASE("a block that is overwritten settles as not read") {
  guest one;
  for (std::uint64_t at = 0; at < 500; ++at)
    one.read(at * 4, 4);
  const auto before = one.experts.figures().pending;
  forerun::access write;
  write.op = operation::write;
  write.where = {0, 4096};
  mix_output out;
  one.experts.observe(write, true, one, {}, out);
  CHECK(out.fetch.empty());
  CHECK(one.experts.figures().pending < before);
}

TEST_CASE("memory stays below its bound whatever is read") {
  guest one;
  one.experts = mix({.log_requests_max = 1u << 12, .pending_max = 1u << 10});
  std::uint64_t seed = 11;
  for (std::uint64_t at = 0; at < 10'000; ++at) {
    const auto start = next(seed) % (1u << 19);
    one.here.clear();
    one.read(start, 1);
    one.read(start + 1, 1);
  }
  // The log, what waits, the tables of all blocks' records, and 128 zones of the first boot's map.
  CHECK(one.experts.figures().pending <= 1u << 10);
  CHECK(one.experts.figures().memory_bytes < 2u << 20);
}

TEST_CASE("what was only written down is judged, too, each proposal once, and what is said of it is true") {
  guest one;
  std::uint64_t seed = 7;
  for (int at = 0; at < 30'000; ++at) {
    const auto start = next(seed) % (1u << 22);
    for (std::uint64_t run = 0; run < 1 + next(seed) % 3; ++run)
      one.read(start + 2 * run, 2);
  }
  const auto figures = one.experts.figures();
  const auto scores = one.experts.scores();
  CHECK(scores.together.all.count() <= figures.proposed_blocks);
  CHECK(scores.together.all.count() + figures.pending >= figures.proposed_blocks);
  CHECK(scores.together.moved.count() <= figures.issued_blocks);
  CHECK(scores.together.moved.used() == figures.used_blocks);
  CHECK(scores.together.all.count() > 2 * scores.together.moved.count());
  CHECK(scores.together.all.calibration_error() < 0.1);
  for (const auto& expert : scores.experts)
    CHECK(expert.all.count() <= scores.together.all.count());
}

TEST_CASE("when streams end sooner than ever before, that is noticed, and what was learned of them fades") {
  // Blocks moved in vain after the rules changed, with drift noticed or never.
  const auto wasted = [](float bound) {
    guest one;
    one.experts = mix({.cache_blocks = 512, .drift_bound = bound}); // So that waste is known soon.
    std::uint64_t seed = 7;
    const auto streams = [&](int count, std::uint64_t requests) {
      for (int at = 0; at < count; ++at) {
        const auto start = next(seed) % (1u << 22) / 64 * 64;
        for (std::uint64_t run = 0; run < requests; ++run)
          one.read(start + run, 1);
      }
    };
    streams(6000, 8);
    CHECK(one.experts.figures().drifts == 0);
    const auto before = one.moved - one.used;
    streams(6000, 2);
    CHECK((one.experts.figures().drifts > 0) == (bound < 1000));
    return one.moved - one.used - before;
  };
  CHECK(wasted(mix_limits{}.drift_bound) * 3 < wasted(1e9f) * 2);
}
