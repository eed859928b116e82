#include "tests/unit/volume/stage.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::volume;
using nbd::verdict;

namespace {

/// What the image's bytes are after a write.
std::vector<std::byte> patched(std::uint64_t from, std::uint64_t to, std::uint64_t offset,
                               std::span<const std::byte> data, std::uint64_t image = ~0ull) {
  auto bytes = image_bytes(from, to - from, image);
  std::ranges::copy(data, bytes.begin() + static_cast<std::ptrdiff_t>(offset - from));
  return bytes;
}

nbd::request zeroes(std::uint64_t offset, std::uint32_t length, bool keep_space = false) {
  return {.kind = nbd::command::write_zeroes, .keep_space = keep_space, .offset = offset, .length = length};
}

} // namespace

TEST_CASE("a write of whole blocks needs nothing from the image") {
  stage on;
  const auto data = filled(2 * block_bytes, 0x11);
  const auto begun = on.write(block_bytes, data);
  CHECK(begun.what == verdict::done);
  CHECK(begun.how.how == outcome::none);
  CHECK(begun.how.written != digest{});
  CHECK(on.back.demands.empty());
  CHECK(on.content(0, 4 * block_bytes) == patched(0, 4 * block_bytes, block_bytes, data));
}

TEST_CASE("a write to a part of a local block keeps the rest of it") {
  for (const bool memory : {true, false}) {
    stage on;
    memory ? on.in_memory(1) : on.on_disk(1);
    const auto data = filled(100, 0x11);
    CHECK(on.write(block_bytes + 50, data).what == verdict::done);
    CHECK(on.back.demands.empty());
    CHECK(on.content(block_bytes, block_bytes) ==
          patched(block_bytes, 2 * block_bytes, block_bytes + 50, data));
  }
}

TEST_CASE("a write to parts of absent blocks fetches these and no others") {
  stage on;
  const auto data = filled(3 * block_bytes, 0x22);
  CHECK(on.write(block_bytes + 100, data).what == verdict::pending);
  CHECK(on.back.demands.at(0)->blocks == extent{1, 4});
  CHECK(on.back.demands.at(0)->seen.op == operation::write);
  CHECK(on.needed() == std::vector<std::uint64_t>{1, 4});
  on.bring();
  REQUIRE(on.answers.all.size() == 1);
  CHECK(on.answers.all[0].how.has_value());
  CHECK_FALSE(on.answers.all[0].data);
  CHECK(on.overlay->state(1) == store::block_state::data);
  CHECK(on.overlay->state(5) == store::block_state::absent);
  CHECK(on.content(0, 6 * block_bytes) == patched(0, 6 * block_bytes, block_bytes + 100, data));
}

TEST_CASE("a write that waited keeps what was written to its blocks meanwhile") {
  stage on;
  const auto late = filled(10, 0x33);
  CHECK(on.write(20, late).what == verdict::pending);
  CHECK(on.write(0, filled(block_bytes, 0x44)).what == verdict::done);
  on.bring();
  auto expected = filled(block_bytes, 0x44);
  std::ranges::copy(late, expected.begin() + 20);
  CHECK(on.content(0, block_bytes) == expected);
}

TEST_CASE("a write that waited for one edge may have written the other already") {
  stage on;
  on.in_memory(1);
  const auto data = filled(block_bytes, 0x22);
  CHECK(on.write(block_bytes + 100, data).what == verdict::pending);
  CHECK(on.needed() == std::vector<std::uint64_t>{2});
  on.bring();
  CHECK(on.content(block_bytes, 2 * block_bytes) ==
        patched(block_bytes, 3 * block_bytes, block_bytes + 100, data));
}

TEST_CASE("a write whose fetch fails changes nothing and fails") {
  stage on;
  CHECK(on.write(10, filled(10, 1)).what == verdict::pending);
  on.back.demands[0]->answer(errc::timed_out, outcome::failed);
  CHECK(on.answers.all.at(0).how.error() == errc::timed_out);
  CHECK(on.overlay->state(0) == store::block_state::absent);
}

TEST_CASE("a write to a part of a block past the image, or of no image, begins from zeroes") {
  for (const bool image : {true, false}) {
    stage on{{.volume_bytes = 20 * block_bytes, .image_bytes = 16 * block_bytes, .image = image}};
    CHECK(on.write(17 * block_bytes + 5, filled(3, 0x77)).what == verdict::done);
    auto expected = filled(block_bytes, 0);
    std::fill_n(expected.begin() + 5, 3, std::byte{0x77});
    CHECK(on.content(17 * block_bytes, block_bytes) == expected);
  }
}

TEST_CASE("a write over an image's short last block keeps its bytes and the zeroes behind") {
  constexpr std::uint64_t image_size = 15 * block_bytes + 100;
  stage on{{.image_bytes = image_size}};
  const auto data = filled(10, 0x12);
  CHECK(on.write(15 * block_bytes + 95, data).what == verdict::pending);
  on.bring();
  CHECK(on.content(15 * block_bytes, block_bytes) ==
        patched(15 * block_bytes, 16 * block_bytes, 15 * block_bytes + 95, data, image_size));
}

TEST_CASE("trimmed blocks read as zeroes, and blocks that are trimmed in part stay") {
  stage on;
  CHECK(on.start({.kind = nbd::command::trim, .offset = 100, .length = 3 * block_bytes}).what ==
        verdict::done);
  auto expected = image_bytes(0, 4 * block_bytes);
  std::fill_n(expected.begin() + block_bytes, 2 * block_bytes, std::byte{0});
  CHECK(on.content(0, 4 * block_bytes) == expected);
  CHECK(on.start({.kind = nbd::command::trim, .offset = 100, .length = 50}).what == verdict::done);
  CHECK(on.overlay->state(0) == store::block_state::absent);
}

TEST_CASE("zeroes may begin and end anywhere") {
  for (const bool keep : {false, true}) {
    stage on;
    CHECK(on.start(zeroes(block_bytes, 2 * block_bytes, keep)).what == verdict::done);
    CHECK(on.overlay->state(1) == (keep ? store::block_state::data : store::block_state::zero));
    CHECK(on.start(zeroes(4 * block_bytes + 10, 3 * block_bytes, keep)).what == verdict::pending);
    CHECK(on.needed() == std::vector<std::uint64_t>{4, 7});
    on.bring();
    CHECK(on.answers.all.at(0).how.has_value());
    auto expected = image_bytes(0, 8 * block_bytes);
    std::fill_n(expected.begin() + block_bytes, 2 * block_bytes, std::byte{0});
    std::fill_n(expected.begin() + 4 * block_bytes + 10, 3 * block_bytes, std::byte{0});
    CHECK(on.content(0, 8 * block_bytes) == expected);
  }
}

TEST_CASE("zeroes that a client wants as a hole take no space, however they lie") {
  stage on{{.image = false}};
  on.overlay->write(0, filled(8 * block_bytes, 1)).value();
  CHECK(on.start(zeroes(100, 7 * block_bytes)).what == verdict::done);
  CHECK(on.overlay->data_bytes() == 2 * block_bytes);
}

TEST_CASE("zeroes of the largest length need no memory of that length") {
  constexpr std::uint32_t length = 0xffff'f000;
  stage on{{.volume_bytes = 5ull << 30, .image_bytes = 5ull << 30, .overlay_bytes_max = 4 * block_bytes}};
  CHECK(on.start(zeroes(100, length)).what == verdict::pending);
  CHECK(on.back.demands.at(0)->blocks == extent{0, 1});
  on.bring();
  REQUIRE(on.back.demands.size() == 2);
  CHECK(on.back.demands[1]->blocks == extent{length >> block_shift, 1});
  CHECK(on.answers.all.empty());
  on.bring();
  REQUIRE(on.answers.all.size() == 1);
  CHECK(on.answers.all[0].how.has_value());
  CHECK(on.overlay->state(1) == store::block_state::zero);
  auto expected = filled(block_bytes, 0);
  std::ranges::copy(image_bytes(0, 100), expected.begin());
  CHECK(on.content(0, block_bytes) == expected);
  expected = image_bytes(length, block_bytes);
  std::fill_n(expected.begin(), 100, std::byte{0});
  CHECK(on.content(length, block_bytes) == expected);
}

TEST_CASE("many zeroes that keep their space are no work for an I/O thread") {
  for (const bool edges : {false, true}) {
    stage on{{.volume_bytes = 1u << 30, .image_bytes = 1u << 30, .overlay_bytes_max = 4u << 20}};
    CHECK(on.start(zeroes(edges ? 10 : 0, 3u << 20, true)).what == verdict::pending);
    if (edges)
      on.bring();
    CHECK(on.overlay->state(1) == store::block_state::absent);
    CHECK(on.answers.all.empty());
    on.back.work();
    REQUIRE(on.answers.all.size() == 1);
    CHECK(on.answers.all[0].how.has_value());
    CHECK(on.overlay->state(1) == store::block_state::data);
    CHECK(on.start(zeroes(256u << 20, 0x1000'0000, true)).what == verdict::pending);
    on.back.work();
    CHECK(on.answers.all.at(1).how.error() == errc::no_space);
  }
}

TEST_CASE("a flush is done on another thread and then answered") {
  stage on;
  CHECK(on.write(0, filled(block_bytes, 1)).what == verdict::done);
  CHECK(on.start({.kind = nbd::command::flush}).what == verdict::pending);
  CHECK(on.answers.all.empty());
  on.back.work();
  REQUIRE(on.answers.all.size() == 1);
  CHECK(on.answers.all[0].how.has_value());
  CHECK(on.answers.all[0].to.request == 2);
}

TEST_CASE("what is answered with FUA survives a crash") {
  stage on;
  const auto data = filled(block_bytes, 0x5a);
  CHECK(on.write(0, data, true).what == verdict::pending);
  const auto edge = filled(10, 0x5b);
  CHECK(on.write(block_bytes + 10, edge, true).what == verdict::pending); // Waits for the image, too.
  on.bring();
  CHECK(on.start({.kind = nbd::command::trim, .fua = true, .offset = 3 * block_bytes, .length = block_bytes})
            .what == verdict::pending);
  CHECK(on.answers.all.empty());
  on.back.work();
  CHECK(on.answers.all.size() == 3);
  const auto after = on.disk.crash(4);
  const auto again =
      store::overlay::open(*after, "volume", {.volume_bytes = on.scene.volume_bytes, .volume_id = 5}).value();
  std::vector<std::byte> bytes(2 * block_bytes);
  REQUIRE(again->state(0) == store::block_state::data);
  REQUIRE(again->state(1) == store::block_state::data);
  CHECK(again->state(3) == store::block_state::zero);
  again->read(0, bytes).value();
  auto expected = patched(0, 2 * block_bytes, block_bytes + 10, edge);
  std::ranges::copy(data, expected.begin());
  CHECK(bytes == expected);
}

TEST_CASE("a flush that fails, or finds no thread, is told to the client") {
  stage on;
  CHECK(on.write(0, filled(block_bytes, 1)).what == verdict::done);
  CHECK(on.start({.kind = nbd::command::flush}).what == verdict::pending);
  on.disk.fail_at(on.disk.operations(), errc::io_failed);
  on.back.work();
  CHECK(on.answers.all.at(0).how.error() == errc::io_failed);
  on.back.full = true;
  const auto begun = on.start({.kind = nbd::command::flush});
  CHECK(begun.what == verdict::failed);
  CHECK(begun.error == errc::overloaded);
}

TEST_CASE("a write past the volume's space fails with no space") {
  stage on{{.image = false, .overlay_bytes_max = 2 * block_bytes}};
  CHECK(on.write(0, filled(2 * block_bytes, 1)).what == verdict::done);
  const auto begun = on.write(2 * block_bytes, filled(block_bytes, 2));
  CHECK(begun.what == verdict::failed);
  CHECK(begun.error == errc::no_space);
  CHECK(on.write(2 * block_bytes + 1, filled(1, 2)).error == errc::no_space);
  CHECK(on.content(2 * block_bytes, block_bytes) == filled(block_bytes, 0));
}

TEST_CASE("a write that waited and finds no space fails with no space") {
  stage on{{.overlay_bytes_max = block_bytes}};
  CHECK(on.write(10, filled(10, 1)).what == verdict::pending);
  CHECK(on.write(block_bytes, filled(block_bytes, 2)).what == verdict::done);
  on.bring();
  CHECK(on.answers.all.at(0).how.error() == errc::no_space);
}
