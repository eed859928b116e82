#include "runtime/volume/tiers.hpp"
#include "tests/unit/volume/stage.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::volume;

namespace {

/// The image of a stage, as the tiers find it.
struct open_image : stage {
  open_image() { images.add(image); }
  static cache::cache_key key(std::uint64_t block) { return cache::cache_key::of(7, block); }
  dropped from_memory(std::uint64_t block) {
    return drop_from_memory(images, *memory, readers, std::array{key(block)});
  }
  dropped from_disk(std::uint64_t block) { return drop_from_disk(images, std::array{key(block)}); }
  planes images;
};

} // namespace

TEST_CASE("a block dropped from memory gives its slot back") {
  open_image of;
  of.in_memory(3);
  const auto free = of.memory->available(of.readers);
  CHECK(of.from_memory(3).unread.empty());
  CHECK_FALSE(of.image->local(3));
  CHECK(of.memory->available(of.readers) == free + 1);
}

TEST_CASE("a dropped block that nobody has read is reported once it is in no tier") {
  open_image of;
  of.in_memory(3, true);
  of.on_disk(3);
  CHECK(of.from_memory(3).unread.empty());
  CHECK(of.image->local(3));
  CHECK(of.from_disk(3).unread == std::vector{open_image::key(3)});
  CHECK_FALSE(of.image->local(3));
}

TEST_CASE("an unread block that leaves the disk first is reported when it leaves memory") {
  open_image of;
  of.in_memory(4, true);
  of.on_disk(4);
  CHECK(of.from_disk(4).unread.empty());
  CHECK(of.from_memory(4).unread == std::vector{open_image::key(4)});
}

TEST_CASE("a dropped block that was read is not reported") {
  open_image of;
  of.in_memory(3, true);
  CHECK(of.hit(3 * block_bytes, block_bytes).first_use_blocks == 1);
  CHECK(of.from_memory(3).unread.empty());
}

TEST_CASE("keys of images that are closed, and past an image's end, are passed over") {
  open_image of;
  of.in_memory(3, true);
  const std::array keys{cache::cache_key::of(8, 3), cache::cache_key::of(7, 16), open_image::key(3)};
  CHECK(drop_from_memory(of.images, *of.memory, of.readers, keys).unread == std::vector{open_image::key(3)});
  of.images.remove({7});
  of.in_memory(3, true);
  CHECK(of.from_memory(3).unread.empty());
  CHECK(of.image->local(3));
}

TEST_CASE("what is said to be gone was there") {
  open_image of;
  of.in_memory(3);
  of.on_disk(4);
  CHECK(of.from_memory(3).gone == std::vector{open_image::key(3)});
  CHECK(of.from_memory(3).gone.empty());
  CHECK(of.from_disk(3).gone.empty());
  CHECK(of.from_disk(4).gone == std::vector{open_image::key(4)});
  CHECK(of.from_disk(4).gone.empty());
}

TEST_CASE("a plane copies what is local and says what is absent") {
  open_image of;
  std::array<std::byte, block_bytes> into{};
  CHECK(of.image->absent(1));
  CHECK_FALSE(of.image->copy(1, into));
  of.image->map.mark_in_flight(1, true);
  CHECK_FALSE(of.image->absent(1));
  of.in_memory(1);
  of.on_disk(2);
  for (const std::uint64_t block : {1, 2}) {
    CHECK_FALSE(of.image->absent(block));
    CHECK(of.image->copy(block, into));
    CHECK(std::ranges::equal(into, of.image_block(block)));
  }
}
