#include "runtime/sim/dice.hpp"
#include "runtime/sim/sim_disk.hpp"
#include "runtime/store/block_cache.hpp"
#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <thread>

using namespace forerun;
using namespace forerun::store;
using sim::sim_disk;

namespace {

constexpr std::uint64_t blocks = 2000;
const block_cache_options options{.image_bytes = blocks * block_bytes - 100, .validator = "etag-1"};

std::unique_ptr<block_cache> open(disk& where, const block_cache_options& with = options) {
  auto opened = block_cache::open(where, "i", with);
  REQUIRE(opened);
  return std::move(opened).value();
}

/// What block `number` of the image holds; `version` is another image's.
std::vector<std::byte> image(extent where, std::uint64_t version = 0) {
  std::vector<std::byte> out(where.bytes());
  for (std::uint32_t i = 0; i < where.count; ++i)
    sim::dice{(where.first + i) * 1000 + version}.fill(std::span{out}.subspan(i * block_bytes, block_bytes));
  return out;
}

bool holds(block_cache& of, extent where) {
  std::vector<std::byte> out(where.bytes());
  return of.read(where, out) && out == image(where);
}

} // namespace

TEST_CASE("cached blocks read back until they are dropped") {
  sim_disk disk;
  auto cache = open(disk);
  CHECK(cache->state_found() == block_cache::found::none);
  REQUIRE(cache->put({10, 5}, image({10, 5})));
  CHECK(cache->present(10));
  CHECK(!cache->present(15));
  CHECK(holds(*cache, {11, 3}));
  CHECK(!holds(*cache, {12, 5}));
  CHECK(cache->present(14));
  CHECK(cache->bytes() == 5 * block_bytes);
  cache->drop({11, 2});
  CHECK(!cache->present(11));
  CHECK(holds(*cache, {10, 1}));
  CHECK(cache->bytes() == 3 * block_bytes);
  CHECK(disk.space_used() == 3 * block_bytes);
}

TEST_CASE("a saved cache is found again, and what was cached since then is only fetched again") {
  sim_disk disk;
  {
    auto cache = open(disk);
    REQUIRE(cache->put({0, 10}, image({0, 10})));
    REQUIRE(cache->put({blocks - 1, 1}, image({blocks - 1, 1})));
    REQUIRE(cache->save());
    REQUIRE(cache->put({20, 1}, image({20, 1})));
    cache->drop({5, 1});
  }
  auto cache = open(disk);
  CHECK(cache->state_found() == block_cache::found::sound);
  CHECK(holds(*cache, {0, 5}));
  CHECK(holds(*cache, {blocks - 1, 1}));
  CHECK(!cache->present(20));
  CHECK(cache->present(5));
  CHECK(!holds(*cache, {5, 1}));
  CHECK(!cache->present(5));
}

TEST_CASE("a block that is not what it was is never served") {
  sim_disk disk;
  auto cache = open(disk);
  REQUIRE(cache->put({0, 4}, image({0, 4})));
  REQUIRE(disk.damage("i.cache", 2 * block_bytes + 17));
  CHECK(!holds(*cache, {0, 4}));
  CHECK(!cache->present(2));
  CHECK(holds(*cache, {0, 2}));
  CHECK(holds(*cache, {3, 1}));
  REQUIRE(cache->put({2, 1}, image({2, 1})));
  CHECK(holds(*cache, {0, 4}));
}

TEST_CASE("a block that cannot be read or written is not there") {
  sim_disk disk;
  auto cache = open(disk);
  REQUIRE(cache->put({0, 4}, image({0, 4})));
  disk.fail_at(disk.operations(), errc::io_failed);
  CHECK(!holds(*cache, {1, 1}));
  CHECK(!cache->present(1));
  disk.fail_at(disk.operations(), errc::no_space);
  CHECK(cache->put({8, 2}, image({8, 2})).error() == errc::no_space);
  CHECK(!cache->present(8));
  CHECK(!cache->present(9));
}

TEST_CASE("a cache of another origin is emptied") {
  sim_disk disk;
  {
    auto cache = open(disk);
    REQUIRE(cache->put({0, 10}, image({0, 10})));
    REQUIRE(cache->save());
  }
  auto other = options;
  SUBCASE("by its validator") {
    other.validator = "etag-2";
  }
  SUBCASE("by its size") {
    other.image_bytes += 50;
  }
  auto cache = open(disk, other);
  CHECK(cache->state_found() == block_cache::found::changed);
  CHECK(cache->bytes() == 0);
  CHECK(!cache->present(0));
  CHECK(disk.open("i.cache", false).value()->size().value() == blocks * block_bytes);
}

TEST_CASE("a map with any byte damaged starts empty, and says so") {
  sim_disk whole;
  {
    auto cache = open(whole);
    REQUIRE(cache->put({0, 2}, image({0, 2})));
    REQUIRE(cache->save());
  }
  const auto size = whole.open("i.sums", false).value()->size().value();
  for (std::uint64_t at = 0; at < size; at += 1 + at / 64) {
    auto disk = whole.crash(1);
    REQUIRE(disk->damage("i.sums", at));
    auto cache = open(*disk);
    CHECK(cache->state_found() == block_cache::found::damaged);
    CHECK(cache->bytes() == 0);
    REQUIRE(cache->put({0, 2}, image({0, 2})));
    REQUIRE(cache->save());
  }
  REQUIRE(whole.open("i.sums", false).value()->resize(31));
  CHECK(open(whole)->state_found() == block_cache::found::damaged);
}

TEST_CASE("a cache that loses its power anywhere serves the image or nothing") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed ", seed);
    auto disk = std::make_unique<sim_disk>(seed);
    sim::dice chance{seed};
    for (int life = 0; life < 4; ++life) {
      disk->lose_power_at(disk->operations() + chance.below(50));
      // Now and then the origin is another one for a while.
      const auto version = chance.below(2);
      auto with = options;
      with.validator += std::to_string(version);
      if (auto opened = block_cache::open(*disk, "i", with)) {
        auto& cache = *opened.value();
        for (int i = 0; i < 40; ++i) {
          const extent where{chance.below(40), static_cast<std::uint32_t>(1 + chance.below(4))};
          switch (chance.below(4)) {
          case 0:
            cache.drop(where);
            break;
          case 1:
            (void)cache.save();
            break;
          default:
            (void)cache.put(where, image(where, version));
          }
          std::vector<std::byte> out(where.bytes());
          if (cache.read(where, out))
            CHECK(out == image(where, version));
        }
      }
      disk = disk->crash(chance.next());
      for (const auto seen : {0, 1}) {
        auto copy = disk->crash(chance.next());
        with.validator = options.validator + std::to_string(seen);
        auto cache = open(*copy, with);
        for (std::uint64_t block = 0; block < 45; ++block) {
          std::vector<std::byte> out(block_bytes);
          if (cache->present(block) && cache->read({block, 1}, out))
            CHECK(out == image({block, 1}, static_cast<std::uint64_t>(seen)));
        }
      }
    }
  }
}

TEST_CASE("threads that put, drop, read and save serve the image or nothing") {
  sim_disk disk;
  auto cache = open(disk);
  std::vector<std::thread> threads;
  for (std::uint64_t me = 0; me < 4; ++me)
    threads.emplace_back([&, me] {
      sim::dice chance{me};
      for (int i = 0; i < 1500; ++i) {
        const extent where{chance.below(20), static_cast<std::uint32_t>(1 + chance.below(3))};
        std::vector<std::byte> out(where.bytes());
        if (me == 0)
          cache->drop(where);
        else if (me == 1 ? !cache->put(where, image(where)) : cache->read(where, out) && out != image(where))
          FAIL("wrong data, or a put failed");
        if (me == 3 && i % 100 == 0 && !cache->save())
          FAIL("saving failed");
      }
    });
  for (auto& thread : threads)
    thread.join();
  std::uint64_t present = 0;
  for (std::uint64_t block = 0; block < blocks; ++block)
    present += cache->present(block);
  CHECK(cache->bytes() == present * block_bytes);
}
