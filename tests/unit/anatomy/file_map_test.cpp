#include "runtime/anatomy/file_map.hpp"
#include "runtime/anatomy/partitions.hpp"
#include "tests/unit/anatomy/made_image.hpp"
#include <doctest/doctest.h>
#include <optional>
#include <random>
#include <set>

using namespace forerun;
using namespace forerun::anatomy;

namespace {

/// Bytes of which no two blocks are alike.
std::string noise(std::size_t bytes) {
  std::mt19937 dice(static_cast<unsigned>(bytes));
  std::string text(bytes, ' ');
  for (auto& each : text)
    each = static_cast<char>(dice());
  return text;
}

void fill(const made_image& made) {
  made.file("etc/hostname", "alpha\n");
  made.file("usr/lib/big.so", noise(300'001));
  made.file("usr/lib/empty", "");
  made.file("a/deep/er/place/file", noise(5000));
  made.link("bin", "usr/lib");
  made.link("circle", "circle");
  made.link("up", "../../usr/../usr/lib/./big.so");
}

std::string read_all(const file_map& map, image_reader& image, file_id file) {
  std::string text(map[file].bytes, ' ');
  const auto got = read_content(map, image, file, 0, std::as_writable_bytes(std::span(text)));
  return got && got.value() == text.size() ? text : "not read";
}

result<file_map> map_of(memory_image& image, limits bounds = {}) {
  return map_files(image, bounds);
}

const char* const kinds[] = {"-t ext4 -b 4096",
                             "-t ext4 -b 1024",
                             "-t ext2 -b 1024",
                             "-t ext3 -b 1024",

                             "-t ext4 -b 1024 -O ^flex_bg,^64bit -g 1024",
                             "-t ext4 -b 1024 -O meta_bg,^resize_inode -g 512"};

/// An image that is filled, and what was read of it.
struct known_image {
  known_image() {
    fill(made);
    image.emplace(made.make(kinds[0]));
    auto read = map_of(*image);
    REQUIRE(read);
    map = std::move(read.value());
  }
  made_image made;
  std::optional<memory_image> image;
  file_map map;
};

} // namespace

TEST_CASE("every file of an image is found by its path and reads as it was written") {
  made_image made;
  fill(made);
  for (const auto* kind : kinds) {
    INFO(kind);
    auto image = made.make(kind, 8192);
    REQUIRE(image.bytes() > 0);
    const auto read = map_of(image);
    REQUIRE(read);
    const auto& map = read.value();
    CHECK(map.problems() == 0);
    REQUIRE(map.roots().size() == 1);
    const auto root = map.roots().front();
    const auto big = map.find(root, "/usr/lib/big.so");
    REQUIRE(big);
    CHECK(map.path(*big) == "/usr/lib/big.so");
    CHECK(read_all(map, image, *big) == noise(300'001));
    CHECK(read_all(map, image, map.find(root, "a/deep/er/place/file").value()) == noise(5000));
    CHECK(map[map.find(root, "usr/lib/empty").value()].bytes == 0);
    CHECK_FALSE(map.find(root, "usr/lib/none"));
  }
}

TEST_CASE("links are followed, also upwards and through folders, and a circle leads nowhere") {
  known_image known;
  const auto& map = known.map;
  const auto root = map.roots().front();
  const auto big = map.find(root, "usr/lib/big.so");
  REQUIRE(big);
  CHECK(map.find(root, "/bin/big.so") == big);
  CHECK(map.find(root, "/up") == big);
  CHECK_FALSE(map.find(root, "/circle"));
  const auto link = map.find(root, "/bin", false);
  REQUIRE(link);
  CHECK(map[*link].kind == block_kind::symlink);
  CHECK(map.target(*link) == "usr/lib");
}

TEST_CASE("each block of a file is said to be that block of that file, and no two pieces overlap") {
  known_image known;
  const auto& map = known.map;
  const auto text = noise(300'001);
  std::set<std::uint64_t> blocks;
  for (std::uint64_t block = 0; block < known.image->bytes() / block_bytes; ++block) {
    const auto found = map.at(block);
    if (!found || found->kind != block_kind::file || map.path(found->file) != "/usr/lib/big.so")
      continue;
    const auto at = found->at + block * block_bytes - found->offset;
    const auto length = std::min<std::size_t>(block_bytes, text.size() - at);
    CHECK(std::string_view(known.image->content.data() + block * block_bytes, length) ==
          std::string_view(text).substr(at, length));
    blocks.insert(at / block_bytes);
  }
  CHECK(blocks.size() == 74);
  std::uint64_t end = 0;
  for (const auto& each : map.pieces()) {
    CHECK(each.offset >= end);
    end = each.offset + each.length;
  }
  CHECK(map.at(0)->kind == block_kind::descriptors);
  CHECK_FALSE(map.at(known.image->bytes() / block_bytes - 1));
  CHECK_FALSE(map.at(std::numeric_limits<std::uint64_t>::max()));
}

TEST_CASE("the folders' names are listed in order") {
  made_image made;
  for (const auto* name : {"b", "a", "c"})
    made.file(std::string("x/") + name, "");
  auto image = made.make(kinds[0]);
  const auto read = map_of(image);
  REQUIRE(read);
  std::string names;
  for (const auto& [name, file] :
       read.value().names_in(read.value().find(read.value().roots()[0], "x").value()))
    names += std::string(name) + read.value().path(file) + " ";
  CHECK(names == "a/x/a b/x/b c/x/c ");
}

TEST_CASE("file systems are found in the partitions of an MBR, and none is taken from outside") {
  made_image made;
  made.file("etc/hostname", "alpha\n");
  const auto bare = made.make(kinds[1]);
  memory_image disk;
  // The second at a sector that no block of ours begins at.
  disk.content.resize((64 + 4096 + 63 + 4096) * 512);
  const auto place = [&](unsigned row, std::uint32_t first, std::uint32_t count, std::uint32_t said) {
    std::memcpy(disk.content.data() + first * 512, bare.content.data(), count * 512);
    auto* entry = disk.content.data() + 446 + row * 16;
    entry[4] = static_cast<char>(0x83);
    std::memcpy(entry + 8, &first, 4);
    std::memcpy(entry + 12, &said, 4);
  };
  place(0, 64, 4096, 4096);
  place(1, 64 + 4096 + 63, 4096, 4096);
  place(2, 64, 4096, 0x7fffffff);
  disk.content[510] = 0x55;
  disk.content[511] = static_cast<char>(0xAA);
  const auto read = map_of(disk);
  REQUIRE(read);
  const auto& map = read.value();
  REQUIRE(map.roots().size() == 2);
  const auto second = map.find(map.roots()[1], "etc/hostname");
  REQUIRE(second);
  CHECK(map.path(*second) == "p2:/etc/hostname");
  CHECK(map.path(map.roots()[0]) == "p1:/");
  CHECK(read_all(map, disk, *second) == "alpha\n");
}

TEST_CASE("a GPT is read, and rows that leave the image are not") {
  memory_image disk;
  disk.content.resize(100 * 512);
  auto* bytes = disk.content.data();
  bytes[446 + 4] = static_cast<char>(0xEE);
  bytes[510] = 0x55;
  bytes[511] = static_cast<char>(0xAA);
  std::memcpy(bytes + 512, "EFI PART", 8);
  const auto put = [&](std::size_t at, std::uint64_t value, std::size_t length) {
    std::memcpy(bytes + at, &value, length);
  };
  put(512 + 72, 2, 8);
  put(512 + 80, 4, 4);
  put(512 + 84, 128, 4);
  put(1024 + 32, 40, 8);
  put(1024 + 40, 49, 8);
  put(1024 + 128 + 32, 50, 8);
  put(1024 + 128 + 40, 100, 8);
  const auto found = find_partitions(disk);
  REQUIRE(found);
  CHECK(found.value() == std::vector<partition>{{1, 40 * 512, 10 * 512}});
  put(512 + 84, 1, 4);
  CHECK(find_partitions(disk).error() == errc::unsupported);
}

TEST_CASE("what is no ext file system is unsupported, and one whose sizes lie is corrupt") {
  memory_image nothing;
  CHECK(map_of(nothing).error() == errc::unsupported);
  nothing.content.resize(1 << 20, 'x');
  CHECK(map_of(nothing).error() == errc::unsupported);
  made_image made;
  auto image = made.make(kinds[0]);
  // More blocks than the image has; then groups of no block; then inodes that do not add up.
  for (const std::size_t field : {4, 0x20, 0x28}) {
    auto damaged = image;
    std::memset(damaged.content.data() + 1024 + field, field == 4 ? 0x7f : 0, 4);
    CHECK(map_of(damaged).error() == errc::corrupt);
  }
  image.content.resize(image.content.size() / 2);
  CHECK(map_of(image).error() == errc::corrupt);
}

TEST_CASE("limits end the work, and so does who no longer wants it") {
  made_image made;
  fill(made);
  auto image = made.make(kinds[0]);
  for (const auto& bounds :
       {limits{.bytes_read_max = 50'000}, limits{.reads_max = 5}, limits{.inodes_max = 10},
        limits{.files_max = 3}, limits{.entries_max = 3}, limits{.pieces_max = 5}})
    CHECK(map_of(image, bounds).error() == errc::overloaded);
  int asked = 0;
  CHECK(map_of(image, {.still_wanted = [&] { return ++asked < 4; }}).error() == errc::cancelled);
  // Deeper than allowed is only without a name.
  const auto flat = map_of(image, {.depth_max = 2});
  REQUIRE(flat);
  CHECK(flat.value().find(flat.value().roots()[0], "etc/hostname"));
}

TEST_CASE("whatever is damaged, the work ends, and what it says lies within the image") {
  made_image made;
  fill(made);
  const auto whole = made.make(kinds[1], 1024);
  REQUIRE(whole.bytes() > 0);
  std::mt19937 dice(7);
  unsigned read_well = 0;
  for (int round = 0; round < 300; ++round) {
    auto image = whole;
    for (int wound = 0; wound < 20; ++wound)
      image.content[dice() % 150'000] = static_cast<char>(dice());
    const auto read = map_of(image, {.pieces_max = 100'000});
    if (!read)
      continue;
    ++read_well;
    for (const auto& each : read.value().pieces())
      CHECK((each.offset < image.bytes() && each.length <= image.bytes() - each.offset));
    for (file_id file = 0; file < read.value().files(); ++file)
      CHECK_FALSE(read.value().path(file).empty());
  }
  CHECK(read_well > 30);
}
