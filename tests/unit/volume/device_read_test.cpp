#include "tests/unit/volume/stage.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::volume;
using nbd::verdict;

namespace {

std::vector<std::byte> joined(std::initializer_list<std::vector<std::byte>> parts) {
  std::vector<std::byte> all;
  for (const auto& part : parts)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

} // namespace

TEST_CASE("one request reads from memory, disk, overlay and what is zero") {
  stage on;
  on.in_memory(0);
  on.on_disk(1);
  on.on_disk(2);
  on.overlay->write(3, filled(block_bytes, 0x55)).value();
  on.overlay->trim({4, 2}).value();
  on.in_memory(6);
  const auto begun = on.read(0, 7 * block_bytes);
  CHECK(begun.what == verdict::done);
  CHECK(begun.how.how == outcome::hit);
  CHECK(on.sent() == joined({image_bytes(0, 3 * block_bytes), filled(block_bytes, 0x55),
                             filled(2 * block_bytes, 0), image_bytes(6 * block_bytes, block_bytes)}));
  CHECK(on.back.demands.empty());
}

TEST_CASE("a read may begin and end anywhere in memory, disk and overlay") {
  stage on;
  on.in_memory(0);
  on.on_disk(1);
  on.overlay->write(2, filled(block_bytes, 0x55)).value();
  for (const auto& [from, to] : {std::pair{100u, 200u},
                                 {100u, 4096u},
                                 {4000u, 8192u},
                                 {4097u, 8000u},
                                 {4097u, 8192u},
                                 {4096u, 5000u},
                                 {5000u, 9000u},
                                 {8193u, 12288u},
                                 {1u, 12287u}}) {
    CAPTURE(from);
    CAPTURE(to);
    auto whole = joined({image_bytes(0, 2 * block_bytes), filled(block_bytes, 0x55)});
    REQUIRE(on.read(from, to - from).what == verdict::done);
    CHECK(on.sent() == std::vector(whole.begin() + from, whole.begin() + to));
  }
}

TEST_CASE("a long read of nothing is all zeroes") {
  stage on{{.volume_bytes = 64 * block_bytes, .image = false}};
  CHECK(on.read(1000, 60 * block_bytes).what == verdict::done);
  CHECK(on.sent() == filled(60 * block_bytes, 0));
  CHECK(on.back.demands.empty());
}

TEST_CASE("a read of an absent block is handed over with what it needs") {
  stage on;
  on.in_memory(1);
  on.overlay->write(2, filled(block_bytes, 0x55)).value();
  on.overlay->trim({3, 1}).value();
  on.device->set_run({42});
  CHECK(on.read(4000, 4 * block_bytes).what == verdict::pending);
  REQUIRE(on.back.demands.size() == 1);
  const auto& what = *on.back.demands[0];
  CHECK(what.volume == volume_id{5});
  CHECK(what.image == image_id{7});
  CHECK(what.run == run_id{42});
  CHECK(what.blocks == extent{0, 5});
  CHECK(what.seen.where == extent{0, 5});
  CHECK(what.seen.bytes == 4 * block_bytes);
  CHECK(on.needed() == std::vector<std::uint64_t>{0, 1, 4});
  CHECK(on.answers.all.empty());

  on.bring();
  REQUIRE(on.answers.all.size() == 1);
  CHECK(on.answers.all[0].to.request == 1);
  CHECK(on.answers.all[0].how.value().how == outcome::miss);
  const auto whole = joined({image_bytes(0, 2 * block_bytes), filled(block_bytes, 0x55),
                             filled(block_bytes, 0), image_bytes(4 * block_bytes, block_bytes)});
  CHECK(*on.answers.all[0].data == std::vector(whole.begin() + 4000, whole.begin() + 4000 + 4 * block_bytes));
}

TEST_CASE("what was written while a read waited is what it reads") {
  stage on;
  CHECK(on.read(0, 2 * block_bytes).what == verdict::pending);
  CHECK(on.write(block_bytes, filled(block_bytes, 0x66)).what == verdict::done);
  on.bring();
  CHECK(*on.answers.all.at(0).data == joined({image_bytes(0, block_bytes), filled(block_bytes, 0x66)}));
}

TEST_CASE("a read that joined a prefetch is answered as late") {
  stage on;
  CHECK(on.read(0, block_bytes).what == verdict::pending);
  on.bring(outcome::late);
  CHECK(on.answers.all.at(0).how.value().how == outcome::late);
}

TEST_CASE("a fetch that fails fails its read, and one that nobody answers is unavailable") {
  stage on;
  CHECK(on.read(0, block_bytes).what == verdict::pending);
  on.back.demands[0]->answer(errc::io_failed, outcome::failed);
  REQUIRE(on.answers.all.size() == 1);
  CHECK(on.answers.all[0].how.error() == errc::io_failed);
  CHECK_FALSE(on.answers.all[0].data);
  CHECK(on.read(0, block_bytes).what == verdict::pending);
  on.back.demands.clear();
  REQUIRE(on.answers.all.size() == 2);
  CHECK(on.answers.all[1].how.error() == errc::unavailable);
}

TEST_CASE("a read that nobody can fetch for fails as overloaded") {
  stage on;
  on.back.full = true;
  const auto begun = on.read(0, block_bytes);
  CHECK(begun.what == verdict::failed);
  CHECK(begun.error == errc::overloaded);
  CHECK(begun.how.how == outcome::failed);
}

TEST_CASE("a block that is unsound on disk is fetched again") {
  stage on;
  on.on_disk(2);
  on.disk.damage("image.cache", 2 * block_bytes + 17).value();
  CHECK(on.read(2 * block_bytes, block_bytes).what == verdict::pending);
  CHECK(on.needed() == std::vector<std::uint64_t>{2});
  CHECK_FALSE(on.image->local(2));
  on.bring();
  CHECK(*on.answers.all.at(0).data == image_bytes(2 * block_bytes, block_bytes));
}

TEST_CASE("a volume larger than its image ends in zeroes") {
  stage on{{.volume_bytes = 20 * block_bytes, .image_bytes = 16 * block_bytes}};
  on.in_memory(15);
  CHECK(on.read(15 * block_bytes, 5 * block_bytes).what == verdict::done);
  CHECK(on.sent() == image_bytes(15 * block_bytes, 5 * block_bytes, 16 * block_bytes));
  CHECK(on.read(14 * block_bytes, 4 * block_bytes).what == verdict::pending);
  CHECK(on.needed() == std::vector<std::uint64_t>{14, 15});
}

TEST_CASE("what follows an image's short last block is zero") {
  constexpr std::uint64_t image_size = 15 * block_bytes + 100;
  for (const bool memory : {true, false}) {
    stage on{{.volume_bytes = 17 * block_bytes, .image_bytes = image_size}};
    memory ? on.in_memory(15) : on.on_disk(15);
    CHECK(on.read(15 * block_bytes, 2 * block_bytes).what == verdict::done);
    CHECK(on.sent() == image_bytes(15 * block_bytes, 2 * block_bytes, image_size));
  }
}

TEST_CASE("a volume shorter than its last block reads to its end") {
  stage on{{.volume_bytes = 3 * block_bytes + 512, .image_bytes = 3 * block_bytes + 512}};
  on.in_memory(2);
  on.on_disk(3);
  CHECK(on.read(2 * block_bytes, block_bytes + 512).what == verdict::done);
  CHECK(on.sent() == image_bytes(2 * block_bytes, block_bytes + 512));
}

TEST_CASE("the first read of a prefetched block is counted, once") {
  stage on;
  on.in_memory(0, true);
  on.on_disk(1, true);
  on.in_memory(2);
  CHECK(on.hit(0, 3 * block_bytes).first_use_blocks == 2);
  CHECK(on.hit(0, 3 * block_bytes).first_use_blocks == 0);
}

TEST_CASE("a written block is not the use of the prefetched one below it") {
  stage on;
  on.in_memory(0, true);
  CHECK(on.write(0, filled(block_bytes, 1)).what == verdict::done);
  CHECK(on.hit(0, block_bytes).first_use_blocks == 0);
  CHECK(on.image->map.at(0).fresh());
}

TEST_CASE("a read that turns out to wait leaves first uses to whoever answers it") {
  stage on;
  on.in_memory(0, true);
  on.on_disk(1);
  on.disk.damage("image.cache", block_bytes).value();
  CHECK(on.read(0, 2 * block_bytes).what == verdict::pending);
  CHECK(on.image->map.at(0).fresh());
}

TEST_CASE("memory that a read was answered from is kept until the turn ends") {
  stage on;
  on.in_memory(0);
  const auto free = on.memory->available(on.readers);
  CHECK(on.read(0, block_bytes).what == verdict::done);
  on.memory->retire(std::array{on.image->map.withdraw(0).value()}, on.readers);
  CHECK(on.memory->available(on.readers) == free);
  CHECK(on.sent() == image_bytes(0, block_bytes));
  on.end_turn();
  CHECK(on.memory->available(on.readers) == free + 1);
}

TEST_CASE("what is zero is told as a hole, range by range") {
  stage on{{.volume_bytes = 18 * block_bytes, .image_bytes = 16 * block_bytes}};
  on.overlay->trim({2, 3}).value();
  const auto ranges = on.device->block_status(block_bytes + 100, 16 * block_bytes, 8);
  REQUIRE(ranges.size() == 4);
  CHECK(ranges[0].length == block_bytes - 100);
  CHECK_FALSE(ranges[0].zero);
  CHECK(ranges[1].length == 3 * block_bytes);
  CHECK(ranges[1].zero);
  CHECK(ranges[1].hole);
  CHECK(ranges[2].length == 11 * block_bytes);
  CHECK(ranges[3].length == block_bytes + 100);
  CHECK(ranges[3].zero);
  const auto cut = on.device->block_status(block_bytes + 100, 16 * block_bytes, 2);
  REQUIRE(cut.size() == 2);
  CHECK(cut[1].length == 3 * block_bytes);
}

TEST_CASE("a client's hint is passed on, and means nothing without an image") {
  stage on;
  CHECK(on.start({.kind = nbd::command::cache, .offset = 5000, .length = 8192}).what == verdict::done);
  CHECK(on.back.hints == std::vector<extent>{{1, 3}});
  stage bare{{.image = false}};
  CHECK(bare.start({.kind = nbd::command::cache, .offset = 0, .length = 4096}).what == verdict::done);
  CHECK(bare.back.hints.empty());
}
