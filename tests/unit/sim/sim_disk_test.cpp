#include "runtime/sim/dice.hpp"
#include "runtime/sim/sim_disk.hpp"
#include <algorithm>
#include <doctest/doctest.h>
#include <set>

using namespace forerun;
using namespace forerun::sim;

namespace {

std::vector<std::byte> filled(std::size_t bytes, int with) {
  return std::vector<std::byte>(bytes, static_cast<std::byte>(with));
}

std::vector<std::byte> content(disk& where, std::string_view name) {
  auto file = where.open(name, false).value();
  std::vector<std::byte> all(file->size().value());
  REQUIRE(file->read(0, all).value() == all.size());
  return all;
}

} // namespace

TEST_CASE("a file reads what was written, and zeroes where nothing was") {
  sim_disk disk;
  auto file = disk.open("a", true).value();
  REQUIRE(file->write(1000, filled(100, 7)));
  auto all = content(disk, "a");
  CHECK(all.size() == 1100);
  CHECK(all[999] == std::byte{0});
  CHECK(all[1000] == std::byte{7});
  REQUIRE(file->punch(1000, 50));
  CHECK(content(disk, "a")[1049] == std::byte{0});
  CHECK(content(disk, "a")[1050] == std::byte{7});
  REQUIRE(file->resize(1060));
  REQUIRE(file->resize(1100));
  CHECK(content(disk, "a")[1059] == std::byte{7});
  CHECK(content(disk, "a")[1060] == std::byte{0});
  std::byte past[4];
  CHECK(file->read(5000, past).value() == 0);
}

TEST_CASE("what was synced survives every crash") {
  sim_disk disk;
  auto file = disk.open("a", true).value();
  REQUIRE(file->write(0, filled(4096, 7)));
  REQUIRE(file->sync_data());
  REQUIRE(disk.sync_names());
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    CHECK(content(*disk.crash(seed), "a") == filled(4096, 7));
}

TEST_CASE("a crash keeps, loses and tears what was not synced, sector by sector") {
  sim_disk disk;
  auto file = disk.open("a", true).value();
  REQUIRE(file->write(0, filled(4096, 1)));
  REQUIRE(file->sync_data());
  REQUIRE(disk.sync_names());
  REQUIRE(file->write(0, filled(4096, 2)));
  REQUIRE(file->write(0, filled(4096, 3)));
  std::set<int> seen;
  bool torn = false;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto all = content(*disk.crash(seed), "a");
    for (std::size_t at = 0; at < all.size(); ++at) {
      CHECK_MESSAGE(all[at] == all[at / sector_bytes * sector_bytes], "torn inside a sector, seed ", seed);
      seen.insert(std::to_integer<int>(all[at]));
    }
    torn |= all.front() != all.back();
  }
  CHECK(seen == std::set{1, 2, 3});
  CHECK(torn);
  CHECK(content(*disk.crash(5), "a") == content(*disk.crash(5), "a"));
}

TEST_CASE("a name that was not synced may be lost, and a rename is whole") {
  sim_disk disk;
  REQUIRE(disk.open("old", true).value()->write(0, filled(1, 1)));
  REQUIRE(disk.open("old", false).value()->sync_data());
  REQUIRE(disk.sync_names());
  REQUIRE(disk.open("new", true).value()->write(0, filled(1, 2)));
  REQUIRE(disk.open("new", false).value()->sync_data());
  REQUIRE(disk.rename("new", "old"));
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    auto after = disk.crash(seed);
    std::string found;
    const auto names = after->list().value();
    for (const auto& name : names)
      found += name + std::to_string(std::to_integer<int>(content(*after, name)[0])) + " ";
    seen.insert(found);
  }
  CHECK(seen == std::set<std::string>{"old1 ", "new2 old1 ", "old2 "});
}

TEST_CASE("after a failed sync a later one does not bring back what was forgotten") {
  bool forgotten = false;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    sim_disk disk{seed};
    auto file = disk.open("a", true).value();
    REQUIRE(disk.sync_names());
    REQUIRE(file->write(0, filled(4096, 7)));
    disk.fail_at(disk.operations(), errc::io_failed);
    CHECK(file->sync_data().error() == errc::io_failed);
    CHECK(file->sync_data());
    std::vector<std::byte> seen(4096);
    CHECK(file->read(0, seen).value() == seen.size());
    CHECK(seen == filled(4096, 7));
    // Who only wants to read takes nothing from the others; who opens it otherwise sees what is stored.
    CHECK(disk.open_to_read("a").value()->read(0, seen).value() == seen.size());
    CHECK(seen == filled(4096, 7));
    CHECK(content(disk, "a") == content(*disk.crash(seed), "a"));
    forgotten |= content(*disk.crash(seed), "a") != filled(4096, 7);
  }
  CHECK(forgotten);
}

TEST_CASE("a failing write may do a part of its work, and nothing works without power") {
  sim_disk disk;
  auto file = disk.open("a", true).value();
  REQUIRE(file->write(0, filled(8192, 1)));
  disk.fail_at(disk.operations(), errc::no_space);
  CHECK(file->write(0, filled(8192, 2)).error() == errc::no_space);
  const auto all = content(disk, "a");
  const auto changed = std::count(all.begin(), all.end(), std::byte{2});
  CHECK(changed > 0);
  CHECK(changed < 8192);
  disk.lose_power_at(disk.operations());
  CHECK(file->sync_data().error() == errc::io_failed);
  CHECK(file->sync_data().error() == errc::io_failed);
  CHECK(disk.list().error() == errc::io_failed);
}

TEST_CASE("a full disk refuses what would fill holes and takes what overwrites") {
  sim_disk disk;
  disk.set_space(4096);
  auto file = disk.open("a", true).value();
  REQUIRE(file->write(0, filled(4096, 1)));
  CHECK(file->write(8192, filled(1, 1)).error() == errc::no_space);
  CHECK(file->write(0, filled(4096, 2)));
  REQUIRE(file->punch(0, 512));
  CHECK(disk.space_used() == 3584);
  CHECK(file->write(8192, filled(1, 1)));
}
