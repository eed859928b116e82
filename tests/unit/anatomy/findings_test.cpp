#include "runtime/anatomy/findings.hpp"
#include "tests/unit/anatomy/made_elf.hpp"
#include "tests/unit/anatomy/made_image.hpp"
#include <algorithm>
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::anatomy;

namespace {

memory_image bootable() {
  made_image made;
  made.file("sbin/init", made_elf("/lib64/ld.so", {"libc.so.6"}));
  made.file("lib64/ld.so", made_elf("", {}));
  made.file("lib/x86_64-linux-gnu/libc.so.6", made_elf("", {}));
  made.file("srv/data", std::string(100'000, 'x'));
  return made.make("-t ext4 -b 4096", 4096);
}

/// Counts what is read, and remembers what was announced.
class watched final : public image_reader {
public:
  explicit watched(memory_image& below) : below_(below) {}
  std::uint64_t bytes() const override { return below_.bytes(); }
  result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
    ++reads;
    for (const auto& [from, length] : announced)
      if (offset >= from && offset + into.size() <= from + length) {
        ++foretold;
        break;
      }
    return below_.read(offset, into);
  }
  void soon(std::uint64_t offset, std::uint64_t length) override { announced.emplace_back(offset, length); }
  std::size_t reads = 0, foretold = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> announced;

private:
  memory_image& below_;
};

} // namespace

TEST_CASE("what was found in an image is the same after it was kept") {
  auto image = bootable();
  const auto found = look_into(image, {});
  REQUIRE(found);
  CHECK(found.value().image_bytes == image.bytes());
  CHECK_FALSE(found.value().boot.empty());
  const auto data = std::ranges::find(found.value().files, "/srv/data", &found_file::path);
  REQUIRE(data != found.value().files.end());
  CHECK(data->bytes == 100'000);
  std::uint64_t blocks = 0;
  for (const auto& each : data->blocks)
    blocks += each.count;
  CHECK(blocks == 25);

  const auto kept = decode_findings(encode(found.value()));
  REQUIRE(kept);
  CHECK(kept.value().fingerprint == found.value().fingerprint);
  CHECK(kept.value().files == found.value().files);
  REQUIRE(kept.value().boot.size() == found.value().boot.size());
  for (std::size_t at = 0; at < kept.value().boot.size(); ++at) {
    CHECK(kept.value().boot[at].where == found.value().boot[at].where);
    CHECK(kept.value().boot[at].probability == found.value().boot[at].probability);
    CHECK(kept.value().boot[at].detail == found.value().boot[at].detail);
  }
}

TEST_CASE("an image that cannot be booted has files all the same") {
  made_image made;
  made.file("only", "text");
  auto image = made.make("-t ext4 -b 4096", 4096);
  const auto found = look_into(image, {});
  REQUIRE(found);
  CHECK(found.value().boot.empty());
  CHECK(found.value().files.size() == 1);
}

TEST_CASE("the fingerprint is another one when the file system was written to") {
  auto image = bootable();
  const auto before = fingerprint_of(image);
  REQUIRE(before);
  CHECK(fingerprint_of(image).value() == before.value());
  image.content[1024 + 0x30] ^= 1; // When it was last written.
  CHECK(fingerprint_of(image).value() != before.value());
}

TEST_CASE("kept findings that are cut or altered are refused or bounded, and never crash") {
  auto image = bootable();
  auto bytes = encode(look_into(image, {}).value());
  for (std::size_t length = 0; length < bytes.size(); ++length)
    CHECK_FALSE(decode_findings(std::span(bytes).first(length)));
  const auto blocks = image.bytes() / block_bytes;
  for (std::size_t at = 18; at < bytes.size(); ++at) {
    auto altered = bytes;
    altered[at] ^= std::byte{0x81};
    if (const auto read = decode_findings(altered))
      for (const auto& file : read.value().files)
        for (const auto& each : file.blocks)
          CHECK(each.end() <= blocks);
  }
  bytes[0] ^= std::byte{1};
  CHECK(decode_findings(bytes).error() == errc::unsupported);
}

TEST_CASE("who reads from afar is told of inodes, directories and programs before they are read") {
  auto memory = bootable();
  watched image{memory};
  REQUIRE(look_into(image, {}));
  CHECK(image.reads > 10);
  CHECK(image.foretold > 0); // mke2fs lays files out in the order in which it finds them.
}
