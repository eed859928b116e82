#include "runtime/host/posix_disk.hpp"
#include "tests/unit/host/folder.hpp"
#include <algorithm>
#include <sys/stat.h>

using namespace forerun;
using namespace forerun::host;

namespace {

std::vector<std::byte> filled(std::size_t bytes, int with) {
  return std::vector<std::byte>(bytes, static_cast<std::byte>(with));
}

struct stat about(const std::string& path) {
  struct stat found {};
  REQUIRE(stat(path.c_str(), &found) == 0);
  return found;
}

} // namespace

TEST_CASE("a folder is made with those above it, for its owner only") {
  const folder at;
  REQUIRE(posix_disk::open(at.path + "/a/b"));
  CHECK((about(at.path + "/a/b").st_mode & 0777) == 0700);
  auto disk = posix_disk::open(at.path + "/a").value();
  REQUIRE(disk->open("file", true));
  CHECK((about(at.path + "/a/file").st_mode & 0777) == 0600);
  CHECK(!posix_disk::open(at.path + "/a/file"));
}

TEST_CASE("a file reads what was written and ends where it ends") {
  const folder at;
  auto disk = posix_disk::open(at.path).value();
  CHECK(disk->open("a", false).error() == errc::not_found);
  auto file = disk->open("a", true).value();
  REQUIRE(file->write(5000, filled(3000, 7)));
  REQUIRE(file->sync_data());
  CHECK(file->size().value() == 8000);
  std::vector<std::byte> out(4000);
  CHECK(file->read(6000, out).value() == 2000);
  CHECK(std::all_of(out.begin(), out.begin() + 2000, [](std::byte byte) { return byte == std::byte{7}; }));
  CHECK(file->read(9000, out).value() == 0);
  REQUIRE(file->resize(100));
  CHECK(disk->open("a", false).value()->size().value() == 100);
}

TEST_CASE("a file that is opened to read shows what was written, and is not written to") {
  const folder at;
  auto disk = posix_disk::open(at.path).value();
  CHECK(disk->open_to_read("a").error() == errc::not_found);
  CHECK(disk->open_to_read("../a").error() == errc::invalid_argument);
  auto file = disk->open("a", true).value();
  REQUIRE(file->write(0, filled(3000, 7)));
  auto reader = disk->open_to_read("a").value();
  std::vector<std::byte> out(3000);
  CHECK(reader->read(0, out).value() == out.size());
  CHECK(out == filled(3000, 7));
  CHECK(!reader->write(0, filled(1, 1)));
}

TEST_CASE("a punched range reads as zeroes and gives its space back") {
  const folder at;
  auto disk = posix_disk::open(at.path).value();
  auto file = disk->open("a", true).value();
  REQUIRE(file->write(0, filled(1 << 20, 7)));
  REQUIRE(file->sync_data());
  const auto before = about(at.path + "/a").st_blocks;
  REQUIRE(file->punch(0, 1 << 19));
  std::vector<std::byte> out(1 << 20);
  CHECK(file->read(0, out).value() == out.size());
  CHECK(out[(1 << 19) - 1] == std::byte{0});
  CHECK(out[1 << 19] == std::byte{7});
  CHECK(about(at.path + "/a").st_blocks < before);
  CHECK(file->size().value() == 1 << 20);
}

TEST_CASE("names are listed, replaced and removed, and stay inside the folder") {
  const folder at;
  auto disk = posix_disk::open(at.path).value();
  REQUIRE(disk->open("b", true).value()->write(0, filled(1, 1)));
  REQUIRE(disk->open("a", true).value()->write(0, filled(2, 1)));
  CHECK(disk->list().value() == std::vector<std::string>{"a", "b"});
  REQUIRE(disk->rename("b", "a"));
  REQUIRE(disk->sync_names());
  CHECK(disk->list().value() == std::vector<std::string>{"a"});
  CHECK(disk->open("a", false).value()->size().value() == 1);
  REQUIRE(disk->remove("a"));
  CHECK(disk->remove("a").error() == errc::not_found);
  CHECK(disk->rename("a", "b").error() == errc::not_found);
  for (const auto* name : {"", ".", "..", "x/y", "/etc/passwd"}) {
    CHECK(disk->open(name, true).error() == errc::invalid_argument);
    CHECK(disk->remove(name).error() == errc::invalid_argument);
    CHECK(disk->rename("a", name).error() == errc::invalid_argument);
  }
  // A link that leads out of the folder is not followed.
  REQUIRE(symlink("/etc/passwd", (at.path + "/link").c_str()) == 0);
  CHECK(!disk->open("link", false));
}

TEST_CASE("a full disk is told from a broken one") {
  CHECK(errc_of(ENOSPC) == errc::no_space);
  CHECK(errc_of(EDQUOT) == errc::no_space);
  CHECK(errc_of(EIO) == errc::io_failed);
  CHECK(errc_of(ENOENT) == errc::not_found);
}
