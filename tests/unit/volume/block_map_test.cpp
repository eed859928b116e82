#include "runtime/volume/block_map.hpp"
#include <atomic>
#include <doctest/doctest.h>
#include <thread>
#include <vector>

using namespace forerun::volume;

TEST_CASE("a block map begins empty") {
  const block_map map{3};
  CHECK(map.blocks() == 3);
  CHECK_FALSE(map.at(2).slot());
  CHECK_FALSE(map.at(2).fresh());
  CHECK_FALSE(map.at(2).in_flight());
}

TEST_CASE("a block is where it was published until it is withdrawn") {
  block_map map{4};
  CHECK(map.publish(1, 0));
  CHECK(map.publish(2, pool_slots_max));
  CHECK(map.at(1).slot() == 0u);
  CHECK(map.at(2).slot() == pool_slots_max);
  CHECK_FALSE(map.at(3).slot());
  CHECK(map.withdraw(2) == pool_slots_max);
  CHECK_FALSE(map.at(2).slot());
  CHECK_FALSE(map.withdraw(2));
  CHECK(map.at(1).slot() == 0u);
}

TEST_CASE("a block that has a slot takes no second one") {
  block_map map{1};
  CHECK(map.publish(0, 5));
  CHECK_FALSE(map.publish(0, 6));
  CHECK(map.at(0).slot() == 5u);
}

TEST_CASE("the marks of a block stay when it enters and leaves memory") {
  block_map map{1};
  map.mark_fresh(0);
  map.mark_in_flight(0, true);
  CHECK(map.publish(0, 9));
  CHECK(map.at(0).fresh());
  CHECK(map.at(0).in_flight());
  map.mark_in_flight(0, false);
  CHECK(map.withdraw(0) == 9u);
  CHECK(map.at(0).fresh());
  CHECK_FALSE(map.at(0).in_flight());
}

TEST_CASE("the first use of a block is told to one caller") {
  block_map map{1};
  CHECK_FALSE(map.use_first(0));
  map.mark_fresh(0);
  std::atomic<int> firsts{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { firsts += map.use_first(0); });
  for (auto& each : threads)
    each.join();
  CHECK(firsts == 1);
  CHECK_FALSE(map.at(0).fresh());
}
