#include "runtime/store/catalog.hpp"
#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <lmdb.h>
#include <unistd.h>

using namespace forerun;
using namespace forerun::store;

namespace {

struct folder {
  folder() {
    std::string form = (std::filesystem::temp_directory_path() / "forerun-catalog-XXXXXX").string();
    REQUIRE(mkdtemp(form.data()) != nullptr);
    path = form;
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() { std::filesystem::remove_all(path); }
  std::string path;
};

std::unique_ptr<catalog> open(const folder& at) {
  auto opened = catalog::open(at.path);
  REQUIRE(opened);
  return std::move(opened).value();
}

std::vector<std::byte> filled(std::size_t bytes, int with) {
  return std::vector<std::byte>(bytes, static_cast<std::byte>(with));
}

/// Puts a volume there byte by byte.
void put_volume(const folder& at, std::string name, std::string bytes) {
  MDB_env* env = nullptr;
  REQUIRE(mdb_env_create(&env) == 0);
  mdb_env_set_maxdbs(env, 4);
  REQUIRE(mdb_env_open(env, (at.path + "/catalog").c_str(), MDB_NOSUBDIR, 0600) == 0);
  MDB_txn* txn = nullptr;
  MDB_dbi volumes = 0;
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  REQUIRE(mdb_dbi_open(txn, "volumes", 0, &volumes) == 0);
  MDB_val key{name.size(), name.data()};
  MDB_val value{bytes.size(), bytes.data()};
  REQUIRE(mdb_put(txn, volumes, &key, &value, 0) == 0);
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);
}

} // namespace

TEST_CASE(
    "a volume of a build that knew no audit of its own has the node's, and an unknown audit is damage") {
  const folder at;
  (void)open(at);
  // Id 7, image 0, 4096 bytes, may be written, program "p", no address.
  const std::string old{"\7\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\1\0\0\0p\0\0\0\0", 26};
  put_volume(at, "v", old);
  const volume_entry expected{.name = "v", .id = {7}, .bytes = 4096, .program = "p"};
  CHECK(open(at)->volumes().value() == std::vector{expected});
  put_volume(at, "v", old + '\2');
  CHECK(open(at)->volumes().value().at(0).audit == audit_policy::strict);
  put_volume(at, "v", old + '\3');
  CHECK(open(at)->volumes().error() == errc::corrupt);
}

TEST_CASE("volumes are found again when a catalog is opened anew, in order of name") {
  const folder at;
  volume_entry b;
  volume_entry a;
  {
    auto all = open(at);
    b = all->add_volume({.name = "b",
                         .image = {3},
                         .bytes = 1 << 20,
                         .program = "boot",
                         .listen = "unix:/b",
                         .audit = audit_policy::strict})
            .value();
    a = all->add_volume({.name = "a", .bytes = 4096, .read_only = true}).value();
    CHECK(a.id != b.id);
    CHECK(a.id.value != 0);
  }
  auto all = open(at);
  CHECK(all->volumes().value() == std::vector{a, b});
}

TEST_CASE("a name is given once, and an id never again") {
  const folder at;
  auto all = open(at);
  const auto first = all->add_volume({.name = "a"}).value();
  CHECK(all->add_volume({.name = "a"}).error() == errc::exists);
  REQUIRE(all->remove_volume("a"));
  CHECK(all->remove_volume("a").error() == errc::not_found);
  all.reset();
  all = open(at);
  CHECK(all->add_volume({.name = "a"}).value().id.value > first.id.value);
}

TEST_CASE("a catalog holds so many volumes and no more") {
  const folder at;
  auto all = open(at);
  for (std::size_t i = 0; i < volumes_max; ++i)
    REQUIRE(all->add_volume({.name = "v" + std::to_string(i)}));
  CHECK(all->add_volume({.name = "one more"}).error() == errc::overloaded);
  REQUIRE(all->remove_volume("v0"));
  CHECK(all->add_volume({.name = "one more"}));
  CHECK(all->volumes().value().size() == volumes_max);
}

TEST_CASE("an image keeps its id, and another size is another image") {
  const folder at;
  auto all = open(at);
  const std::string url = "http://example/" + std::string(3000, 'x'); // Longer than LMDB's keys may be.
  const auto image = all->image_of(url, 1000).value();
  CHECK(all->image_of("file:/b", 1000).value().id != image.id);
  all.reset();
  all = open(at);
  CHECK(all->image_of(url, 1000).value() == image);
  CHECK(all->image_of(url, 1001).error() == errc::changed);
  const auto images = all->images().value();
  CHECK(images.size() == 2);
  CHECK(std::count(images.begin(), images.end(), image) == 1);
}

TEST_CASE("a model is kept whole, and one that was damaged on the disk is not handed out") {
  const folder at;
  {
    auto all = open(at);
    CHECK(all->get_model({1}).error() == errc::not_found);
    REQUIRE(all->put_model({1}, filled(100, 1)));
    REQUIRE(all->put_model({1}, filled(50000, 0x77)));
    REQUIRE(all->put_model({2}, {}));
    CHECK(all->get_model({1}).value() == filled(50000, 0x77));
    CHECK(all->get_model({2}).value().empty());
  }
  // Find the model in the file and change a byte of it.
  const auto path = at.path + "/catalog";
  std::string bytes;
  {
    std::ifstream in{path, std::ios::binary};
    bytes.assign(std::istreambuf_iterator<char>{in}, {});
  }
  const auto found = bytes.find(std::string(4096, 0x77));
  REQUIRE(found != std::string::npos);
  {
    std::fstream out{path, std::ios::binary | std::ios::in | std::ios::out};
    out.seekp(static_cast<std::streamoff>(found + 5000));
    out.put('x');
  }
  CHECK(open(at)->get_model({1}).error() == errc::corrupt);
}

TEST_CASE("what is no catalog, or not there, is refused") {
  const folder at;
  CHECK(!catalog::open(at.path + "/missing"));
  std::ofstream{at.path + "/catalog"} << std::string(8192, 'x');
  CHECK(!catalog::open(at.path));
}
