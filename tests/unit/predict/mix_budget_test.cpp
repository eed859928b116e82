#include "runtime/cache/policy.hpp"
#include "runtime/predict/mix_budget.hpp"
#include "runtime/predict/plain_cache.hpp"
#include <doctest/doctest.h>
#include <random>

using namespace forerun::predict;

namespace {

/// Some blocks are read often, most of them rarely.
std::uint64_t some_block(std::mt19937_64& random, std::uint64_t blocks) {
  const auto share = std::generate_canonical<double, 53>(random);
  return static_cast<std::uint64_t>(share * share * share * static_cast<double>(blocks));
}

bool missed(forerun::cache::policy& whole, std::size_t blocks, std::uint64_t block) {
  if (whole.contains({block})) {
    whole.touched({block});
    return false;
  }
  while (whole.size() >= blocks)
    (void)whole.victim({});
  whole.admit({block}, forerun::cache::admit_kind::demand);
  return true;
}

} // namespace

TEST_CASE("a plain cache of a few blocks forgets the one that was not used longest") {
  plain_cache cache(2);
  CHECK(cache.read(1) == 1);
  CHECK(cache.read(2) == 1);
  CHECK(cache.read(1) == 0);
  CHECK(cache.read(3) == 1);
  CHECK(cache.read(1) == 0);
  CHECK(cache.read(2) == 1);
}

TEST_CASE("a sample of the blocks tells what a plain cache misses, in bounded memory") {
  constexpr std::size_t blocks = 100'000;
  const auto whole = forerun::cache::make_policy(forerun::cache::policy_kind::lru, blocks);
  plain_cache sample(blocks);
  std::mt19937_64 random{5};
  std::uint64_t truth = 0, told = 0;
  for (int i = 0; i < 600'000; ++i) {
    const auto block = some_block(random, 1u << 20);
    truth += missed(*whole, blocks, block);
    told += sample.read(block);
  }
  CHECK(static_cast<double>(told) == doctest::Approx(static_cast<double>(truth)).epsilon(0.03));
  plain_cache cache(1u << 30);
  for (std::uint64_t block = 0; block < 10'000'000; block += 7)
    cache.read(block << 20);
  CHECK(cache.memory_bytes() < 1u << 20);
}

TEST_CASE("what moves is no more than the share of a plain cache's misses that is allowed") {
  for (const auto allowed : {1.02f, 1.1f, 1.3f, 2.0f}) {
    mix_budget budget({.traffic_max = allowed, .credit_start = 1e6f}, 1000);
    double plain = 0, moved = 0;
    for (int i = 0; i < 200'000; ++i) {
      budget.plain_missed(1);
      budget.missed(1);
      ++plain, ++moved;
      for (int more = 0; more < 3; ++more)
        if (budget.threshold(false) <= 0.95f) {
          budget.issued();
          ++moved;
        }
    }
    CHECK(moved / plain <= static_cast<double>(allowed) + 0.005);
    CHECK(moved / plain >= static_cast<double>(allowed) - 0.005);
  }
}

TEST_CASE("the less traffic is allowed, the surer a block has to be, above all one never read before") {
  const auto at = [](float allowed, bool cold) {
    mix_budget budget({.traffic_max = allowed}, 1u << 16);
    for (int i = 0; i < 1000; ++i)
      budget.plain_missed(1000);
    return budget.threshold(cold);
  };
  CHECK(at(1.3f, false) == mix_budget_limits{}.threshold);
  CHECK(at(1.3f, true) == mix_budget_limits{}.threshold);
  CHECK(at(5.0f, true) == mix_budget_limits{}.threshold);
  CHECK(at(1.1f, false) > at(1.2f, false));
  CHECK(at(1.02f, true) > at(1.02f, false));
  CHECK(at(1.02f, true) == doctest::Approx(0.85f));
}

TEST_CASE("where traffic is dear a position has to be known well before anything is moved for it") {
  CHECK(mix_budget({.traffic_max = 1.3f}, 1000).proof_min() == 0);
  CHECK(mix_budget({.traffic_max = 1.1f}, 1000).proof_min() > 10);
  CHECK(mix_budget({.traffic_max = 1.02f}, 1000).proof_min() == doctest::Approx(32));
}

TEST_CASE("guesses leave the experts what they began with, and the more the more these move") {
  mix_budget budget({.credit_start = 1e6f}, 1000); // Traffic begins with about 200 blocks.
  budget.guessed(99);
  CHECK(budget.affords_guesses());
  budget.guessed(2);
  CHECK_FALSE(budget.affords_guesses());
  budget.plain_missed(300);
  CHECK(budget.affords_guesses());
  for (int i = 0; i < 300; ++i)
    budget.issued();
  CHECK(budget.threshold(false) < 1);
  CHECK_FALSE(budget.affords_guesses());
  budget.plain_missed(100'000);
  CHECK(budget.affords_guesses());
}

TEST_CASE("a scarce budget goes to the surest blocks") {
  mix_budget budget({}, 1000);
  auto before = budget.threshold(false);
  for (int i = 0; i < 30; ++i) {
    budget.issued();
    CHECK(budget.threshold(false) >= before);
    before = budget.threshold(false);
  }
  CHECK(before < 1);
  budget.missed(100'000);
  CHECK(budget.threshold(false) > 1);
}
