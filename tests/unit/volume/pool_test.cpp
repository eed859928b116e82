#include "runtime/volume/block_map.hpp"
#include "runtime/volume/pool.hpp"
#include <algorithm>
#include <atomic>
#include <doctest/doctest.h>
#include <set>
#include <thread>

using namespace forerun;
using namespace forerun::volume;

namespace {

constexpr nbd::io_slot first{0};
constexpr nbd::io_slot second{1};

} // namespace

TEST_CASE("a pool gives each slot once, and then none") {
  const auto memory = pool::make(4 * block_bytes).value();
  std::set<std::uint32_t> slots;
  for (int i = 0; i < 4; ++i)
    slots.insert(memory->take().value());
  CHECK(slots.size() == 4);
  CHECK(*slots.rbegin() < memory->slots());
  CHECK_FALSE(memory->take());
}

TEST_CASE("a pool of less than a block is refused") {
  CHECK(pool::make(block_bytes - 1).error() == errc::invalid_argument);
}

TEST_CASE("a slot that was never shown to anybody can be used again at once") {
  const auto memory = pool::make(block_bytes).value();
  const auto slot = memory->take().value();
  memory->put_back(slot);
  CHECK(memory->take() == slot);
}

TEST_CASE("a slot is used again only after every thread that was in a turn has left it") {
  epochs readers;
  const auto memory = pool::make(block_bytes).value();
  const auto slot = memory->take().value();
  readers.enter(first);
  readers.enter(second);
  memory->retire(std::array{slot}, readers);
  CHECK_FALSE(memory->take());
  readers.leave(first);
  CHECK_FALSE(memory->take());
  CHECK(memory->available(readers) == 0);
  readers.leave(second);
  CHECK(memory->available(readers) == 1);
  CHECK(memory->take() == slot);
}

TEST_CASE("a thread that began its turn after a slot was retired does not hold it back") {
  epochs readers;
  const auto memory = pool::make(block_bytes).value();
  const auto slot = memory->take().value();
  readers.enter(first);
  memory->retire(std::array{slot}, readers);
  readers.leave(first);
  readers.enter(first);
  readers.enter(second);
  CHECK(memory->take() == slot);
}

TEST_CASE("to begin a turn twice is to begin it once") {
  epochs readers;
  readers.enter(first);
  const auto then = readers.observe();
  readers.enter(first);
  CHECK_FALSE(readers.passed(then));
  readers.leave(first);
  CHECK(readers.passed(then));
  readers.leave(first);
  CHECK(readers.passed(readers.observe()));
}

TEST_CASE("a copy is made only of a slot that the block map still names") {
  const auto memory = pool::make(block_bytes).value();
  const auto slot = memory->take().value();
  std::ranges::fill(memory->at(slot), std::byte{9});
  std::array<std::byte, block_bytes> into{};
  CHECK_FALSE(memory->copy(slot, into, [] { return false; }));
  CHECK(into[0] == std::byte{0});
  CHECK(memory->copy(slot, into, [] { return true; }));
  CHECK(into[4095] == std::byte{9});
}

TEST_CASE("what threads see of a block stays as it is until their turn ends") {
  constexpr std::uint32_t blocks = 8;
  constexpr int rounds = 4000;
  epochs readers;
  // Fewer slots than blocks and readers could hold: each is used again and again.
  const auto memory = pool::make((blocks / 2) * block_bytes).value();
  block_map map{blocks};
  std::atomic<bool> over{false};
  std::atomic<int> wrong{0};
  std::atomic<std::uint64_t> seen{0};

  const auto look = [&](nbd::io_slot me) {
    while (!over.load(std::memory_order_relaxed)) {
      readers.enter(me);
      for (std::uint64_t block = 0; block < blocks; ++block)
        if (const auto slot = map.at(block).slot()) {
          const auto bytes = memory->at(*slot);
          const auto begin = bytes[0];
          std::this_thread::yield(); // The socket takes its time.
          // Every slot is filled with its block's number.
          wrong += begin != static_cast<std::byte>(block) || bytes[block_bytes - 1] != begin;
          ++seen;
        }
      readers.leave(me);
      std::this_thread::yield();
    }
  };
  std::thread one{look, first};
  std::thread two{look, second};
  const auto fill = [&](std::uint64_t block) {
    if (const auto slot = memory->take()) {
      std::ranges::fill(memory->at(*slot), static_cast<std::byte>(block));
      if (!map.publish(block, *slot))
        memory->put_back(*slot);
    }
  };
  for (int i = 0; i < rounds || seen.load() == 0; ++i) {
    fill(static_cast<std::uint64_t>(i) % blocks);
    if (const auto slot = map.withdraw(static_cast<std::uint64_t>(i * 5 + 3) % blocks))
      memory->retire(std::array{*slot}, readers);
    if (i % 64 == 0)
      std::this_thread::yield();
  }
  over = true;
  one.join();
  two.join();
  CHECK(wrong == 0);
  // No slot is lost on the way.
  for (std::uint64_t block = 0; block < blocks; ++block)
    if (const auto slot = map.withdraw(block))
      memory->retire(std::array{*slot}, readers);
  CHECK(memory->available(readers) == memory->slots());
}
