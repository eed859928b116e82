#include "runtime/sim/dice.hpp"
#include "runtime/sim/sim_disk.hpp"
#include "runtime/store/overlay.hpp"
#include <array>
#include <doctest/doctest.h>
#include <thread>

using namespace forerun;
using namespace forerun::store;
using sim::sim_disk;

namespace {

constexpr std::uint64_t blocks = 1000;
const overlay_options options{.volume_bytes = blocks * block_bytes, .volume_id = 3};

std::unique_ptr<overlay> open(disk& where, const overlay_options& with = options) {
  auto opened = overlay::open(where, "v", with);
  REQUIRE(opened);
  return std::move(opened).value();
}

std::vector<std::byte> filled(std::size_t bytes, int with) {
  return std::vector<std::byte>(bytes, static_cast<std::byte>(with));
}

std::vector<std::byte> read(const overlay& of, std::uint64_t offset, std::size_t bytes) {
  std::vector<std::byte> out(bytes);
  REQUIRE(of.read(offset, out));
  return out;
}

} // namespace

TEST_CASE("written blocks read back, and their neighbours stay absent") {
  sim_disk disk;
  auto volume = open(disk);
  REQUIRE(volume->write(10, filled(3 * block_bytes, 7)));
  CHECK(volume->state(9) == block_state::absent);
  CHECK(volume->state(10) == block_state::data);
  CHECK(volume->state(12) == block_state::data);
  CHECK(volume->state(13) == block_state::absent);
  CHECK(read(*volume, 10 * block_bytes + 100, 5000) == filled(5000, 7));
  CHECK(volume->data_bytes() == 3 * block_bytes);
}

TEST_CASE("a part of a block is written into what the block holds") {
  sim_disk disk;
  auto volume = open(disk);
  const auto base = filled(block_bytes, 1);
  REQUIRE(volume->write_partial(5, 100, filled(50, 2), base));
  CHECK(read(*volume, 5 * block_bytes + 90, 10) == filled(10, 1));
  CHECK(read(*volume, 5 * block_bytes + 100, 50) == filled(50, 2));
  REQUIRE(volume->write_partial(5, 0, filled(10, 3), base));
  CHECK(read(*volume, 5 * block_bytes + 100, 50) == filled(50, 2));
  REQUIRE(volume->write_partial(6, 4000, filled(96, 4), {}));
  CHECK(read(*volume, 6 * block_bytes, 4000) == filled(4000, 0));
}

TEST_CASE("a trimmed block is zero, gives its space back, and a part written to it has zeroes around it") {
  sim_disk disk;
  auto volume = open(disk);
  REQUIRE(volume->flush());
  const auto before = disk.space_used();
  REQUIRE(volume->write(0, filled(8 * block_bytes, 7)));
  REQUIRE(volume->trim({0, 8}));
  CHECK(volume->state(0) == block_state::zero);
  CHECK(volume->data_bytes() == 0);
  CHECK(disk.space_used() == before);
  REQUIRE(volume->write_partial(3, 10, filled(1, 9), filled(block_bytes, 1)));
  CHECK(read(*volume, 3 * block_bytes, 10) == filled(10, 0));
}

TEST_CASE("writes past the size limit are refused and change nothing") {
  sim_disk disk;
  auto with = options;
  with.data_bytes_max = 4 * block_bytes;
  auto volume = open(disk, with);
  REQUIRE(volume->write(0, filled(3 * block_bytes, 1)));
  CHECK(volume->write(2, filled(3 * block_bytes, 2)).error() == errc::no_space);
  CHECK(read(*volume, 2 * block_bytes, block_bytes) == filled(block_bytes, 1));
  CHECK(volume->state(3) == block_state::absent);
  REQUIRE(volume->write(3, filled(block_bytes, 2)));
  CHECK(volume->write_partial(4, 0, filled(1, 1), {}).error() == errc::no_space);
  CHECK(volume->write(0, filled(4 * block_bytes, 3)));
  REQUIRE(volume->trim({0, 1}));
  CHECK(volume->write(9, filled(block_bytes, 1)));
  REQUIRE(volume->flush());
  auto again = open(disk, with);
  CHECK(again->data_bytes() == 4 * block_bytes);
  CHECK(again->write(10, filled(block_bytes, 1)).error() == errc::no_space);
}

TEST_CASE("a full disk fails the flush, and when there is room again the next one keeps everything") {
  sim_disk disk;
  auto volume = open(disk);
  REQUIRE(volume->write(0, filled(block_bytes, 1)));
  // Blocks of their own runs, so that the map needs more than its last sector has.
  for (std::uint64_t block = 2; block < 200; block += 2)
    REQUIRE(volume->write(block, filled(block_bytes, 1)));
  disk.set_space(disk.space_used());
  CHECK(volume->flush().error() == errc::no_space);
  CHECK(volume->write(500, filled(block_bytes, 1)).error() == errc::no_space);
  CHECK(read(*volume, 0, block_bytes) == filled(block_bytes, 1));
  disk.set_space(~std::uint64_t{0});
  REQUIRE(volume->flush());
  auto left = disk.crash(1);
  auto again = open(*left);
  for (std::uint64_t block = 2; block < 200; block += 2)
    CHECK(read(*again, block * block_bytes, block_bytes) == filled(block_bytes, 1));
  CHECK(again->state(500) == block_state::absent);
}

TEST_CASE("after a sync that failed no flush says that all is well") {
  sim_disk disk;
  auto volume = open(disk);
  REQUIRE(volume->write(0, filled(block_bytes, 1)));
  disk.fail_at(disk.operations(), errc::io_failed);
  CHECK(volume->flush().error() == errc::io_failed);
  CHECK(volume->flush().error() == errc::io_failed);
  CHECK(volume->close().error() == errc::io_failed);
}

TEST_CASE("what an overlay shows that was opened anew after a failed sync survives its next flush") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    sim_disk disk{seed};
    auto volume = open(disk);
    REQUIRE(volume->write(0, filled(8 * block_bytes, 1)));
    REQUIRE(volume->flush());
    REQUIRE(volume->write(0, filled(8 * block_bytes, 2)));
    disk.fail_at(disk.operations(), errc::io_failed);
    CHECK(volume->flush().error() == errc::io_failed);
    volume = open(disk);
    REQUIRE(volume->write(100, filled(block_bytes, 3)));
    REQUIRE(volume->flush());
    auto left = disk.crash(seed);
    CHECK(read(*open(*left), 0, 8 * block_bytes) == read(*volume, 0, 8 * block_bytes));
  }
}

TEST_CASE("a flush of nothing touches no disk") {
  sim_disk disk;
  auto volume = open(disk);
  REQUIRE(volume->write(0, filled(block_bytes, 1)));
  REQUIRE(volume->flush());
  const auto before = disk.operations();
  REQUIRE(volume->flush());
  CHECK(disk.operations() == before);
}

TEST_CASE("what a failed write left at the end of a map is not taken for damage") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    sim_disk disk{seed};
    auto volume = open(disk);
    for (std::uint64_t block = 0; block < 200; block += 2)
      REQUIRE(volume->write(block, filled(block_bytes, 1)));
    disk.fail_at(disk.operations() + 1, errc::no_space);
    CHECK(volume->flush().error() == errc::no_space);
    // One run now, where there were a hundred.
    REQUIRE(volume->write(0, filled(200 * block_bytes, 2)));
    REQUIRE(volume->close());
    CHECK(open(disk)->data_bytes() == 200 * block_bytes);
  }
}

TEST_CASE("a map is rewritten when most of it is outdated") {
  sim_disk disk;
  auto with = options;
  with.rewrite_runs_min = 50;
  auto volume = open(disk, with);
  for (int i = 0; i < 2000; ++i) {
    REQUIRE((i % 2 == 0 ? volume->write(7, filled(block_bytes, 1)) : volume->trim({7, 1})));
    REQUIRE(volume->flush());
  }
  CHECK(disk.open("v.map", false).value()->size().value() < 4096);
  CHECK(open(disk, with)->state(7) == block_state::zero);
}

TEST_CASE("damage to any byte of a closed map that says something is refused, with words") {
  constexpr std::uint64_t closing_bytes = 28; ///< Of the batch that marks its end, which is empty.
  sim_disk whole;
  {
    auto volume = open(whole);
    REQUIRE(volume->write(1, filled(2 * block_bytes, 1)));
    REQUIRE(volume->flush());
    REQUIRE(volume->trim({2, 5}));
    REQUIRE(volume->close());
  }
  const auto size = whole.open("v.map", false).value()->size().value();
  for (std::uint64_t at = 0; at < size; ++at) {
    auto disk = whole.crash(at);
    REQUIRE(disk->damage("v.map", at));
    std::string problem;
    const auto opened = overlay::open(*disk, "v", options, &problem);
    INFO("byte ", at, ": ", problem);
    if (at >= size - closing_bytes) {
      // Without its end mark a map looks as a crash leaves it. Nothing is missing.
      REQUIRE(opened);
      CHECK(opened.value()->state(1) == block_state::data);
      CHECK(opened.value()->state(6) == block_state::zero);
      CHECK(opened.value()->cut_bytes() == closing_bytes);
      continue;
    }
    REQUIRE(!opened);
    CHECK((opened.error() == errc::corrupt || (opened.error() == errc::unsupported && at >= 8 && at < 12)));
    CHECK(problem.starts_with("the block map v.map: "));
    CHECK(disk->open("v.map", false).value()->size().value() == size);
  }
}

TEST_CASE("a map that a crash left is refused when it is damaged before its end") {
  sim_disk whole;
  auto volume = open(whole);
  std::uint64_t end = 0;
  for (std::uint64_t i = 0; i < 3; ++i) {
    end = whole.open("v.map", false).value()->size().value();
    REQUIRE(volume->write(i * 2, filled(block_bytes, 1)));
    REQUIRE(volume->flush());
  }
  for (std::uint64_t at = 0; at < end; ++at) {
    auto disk = whole.crash(at);
    REQUIRE(disk->damage("v.map", at));
    const auto opened = overlay::open(*disk, "v", options);
    INFO("byte ", at);
    REQUIRE(!opened);
  }
}

TEST_CASE("an overlay whose files are missing, short or of another volume is refused") {
  sim_disk whole;
  REQUIRE(open(whole)->write(0, filled(block_bytes, 1)));
  {
    auto volume = open(whole);
    REQUIRE(volume->write(0, filled(block_bytes, 1)));
    REQUIRE(volume->close());
  }
  std::string problem;
  SUBCASE("the map is missing") {
    REQUIRE(whole.remove("v.map"));
    CHECK(overlay::open(whole, "v", options, &problem).error() == errc::corrupt);
    CHECK(problem == "v.data is there, but its block map v.map is missing");
  }
  SUBCASE("the data is missing") {
    REQUIRE(whole.remove("v.data"));
    CHECK(overlay::open(whole, "v", options, &problem).error() == errc::corrupt);
    CHECK(problem == "v.map is there, but the data that it names, v.data, is missing");
  }
  SUBCASE("the data is short") {
    REQUIRE(whole.open("v.data", false).value()->resize(4095));
    CHECK(overlay::open(whole, "v", options, &problem).error() == errc::corrupt);
    CHECK(problem == "v.data has 4095 bytes, and should have 4096000");
  }
  SUBCASE("the map is cut off") {
    REQUIRE(whole.open("v.map", false).value()->resize(39));
    CHECK(overlay::open(whole, "v", options, &problem).error() == errc::corrupt);
  }
  SUBCASE("another size") {
    auto other = options;
    other.volume_bytes *= 2;
    CHECK(overlay::open(whole, "v", other, &problem).error() == errc::corrupt);
    CHECK(problem ==
          "the block map v.map: it is of volume 3 with 4096000 bytes, not of volume 3 with 8192000 bytes");
  }
  SUBCASE("another volume") {
    auto other = options;
    other.volume_id = 4;
    CHECK(overlay::open(whole, "v", other).error() == errc::corrupt);
  }
}

TEST_CASE("a removed overlay is gone, at whatever operation the power fails") {
  for (std::uint64_t at = 0; at < 8; ++at) {
    sim_disk disk;
    {
      auto volume = open(disk);
      REQUIRE(volume->write(0, filled(block_bytes, 1)));
      REQUIRE(volume->flush());
    }
    disk.lose_power_at(disk.operations() + at);
    const bool removed = overlay::remove(disk, "v").has_value();
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      auto left = disk.crash(seed);
      const auto opened = overlay::open(*left, "v", options);
      if (opened)
        CHECK(opened.value()->state(0) == (removed ? block_state::absent : opened.value()->state(0)));
      else
        CHECK(opened.error() == errc::corrupt);
      REQUIRE(overlay::remove(*left, "v"));
      CHECK(left->list().value().empty());
    }
  }
}

TEST_CASE("data that is older than a crash does not come back when the map names its block again") {
  // Block 0 was written, and a crash lost its map entry, not its data. Then it is trimmed, and while that is
  // flushed it is written again: the map must not name the block before its new data is synced.
  std::unique_ptr<sim_disk> disk;
  for (std::uint64_t seed = 0; !disk; ++seed) {
    sim_disk first;
    auto volume = open(first);
    REQUIRE(
        volume->write(9, filled(block_bytes, 1))); // A map without runs would mean that the data file is new.
    REQUIRE(volume->flush());
    REQUIRE(volume->write(0, filled(block_bytes, 0xaa)));
    disk = first.crash(seed);
    std::vector<std::byte> kept(block_bytes);
    REQUIRE(disk->open("v.data", false).value()->read(0, kept));
    if (kept != filled(block_bytes, 0xaa))
      disk = nullptr;
  }
  for (std::uint64_t during = 0; during < 3; ++during)
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      auto here = disk->crash(seed);
      auto volume = open(*here);
      REQUIRE(volume->trim({0, 1}));
      REQUIRE(volume->write(20, filled(block_bytes, 1))); // Something to sync.
      const auto when = here->operations() + during;
      here->set_hook([&](std::uint64_t operation) {
        if (operation == when)
          REQUIRE(volume->write(0, filled(block_bytes, 0xbb)));
      });
      REQUIRE(volume->flush());
      here->set_hook(nullptr);
      auto left = here->crash(seed);
      auto again = open(*left);
      REQUIRE(again->state(0) != block_state::absent);
      if (again->state(0) == block_state::data)
        for (const auto byte : read(*again, 0, block_bytes))
          CHECK(byte != std::byte{0xaa});
    }
}

TEST_CASE("threads that write parts of the same blocks, trim, read and flush lose nothing") {
  sim_disk disk;
  auto volume = open(disk);
  constexpr int writers = 4;
  constexpr int rounds = 300;
  std::vector<std::thread> threads;
  // Each writer owns 1 KiB of each of the first 16 blocks; blocks 100 .. 103 are trimmed and written as a
  // whole.
  for (int me = 0; me < writers; ++me)
    threads.emplace_back([&, me] {
      sim::dice chance{static_cast<std::uint64_t>(me)};
      const auto mine = static_cast<std::uint32_t>(me) * 1024;
      for (int round = 1; round <= rounds; ++round) {
        const auto block = chance.below(16);
        if (!volume->write_partial(block, mine, filled(1024, me + 1), {}))
          FAIL("a write failed");
        std::vector<std::byte> back(1024);
        if (!volume->read(block * block_bytes + mine, back) || back != filled(1024, me + 1))
          FAIL("a write was lost");
        if (!(chance.one_in(2) ? volume->trim({100, 4})
                               : volume->write(100 + chance.below(4), filled(block_bytes, me))))
          FAIL("a trim or write failed");
      }
    });
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < rounds; ++round)
        if (!volume->flush())
          FAIL("a flush failed");
    });
  for (auto& thread : threads)
    thread.join();
  REQUIRE(volume->close());
  auto left = disk.crash(1);
  auto again = open(*left);
  std::uint64_t with_data = 0;
  for (std::uint64_t block = 0; block < blocks; ++block) {
    CHECK(again->state(block) == volume->state(block));
    with_data += again->state(block) == block_state::data;
  }
  CHECK(again->data_bytes() == with_data * block_bytes);
  CHECK(volume->data_bytes() == with_data * block_bytes);
  for (std::uint64_t block = 0; block < 16; ++block)
    for (int me = 0; me < writers; ++me) {
      const auto back = read(*again, block * block_bytes + static_cast<std::uint64_t>(me) * 1024, 1024);
      CHECK((back == filled(1024, me + 1) || back == filled(1024, 0)));
    }
}
