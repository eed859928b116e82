#include "tests/unit/nbd/stage.hpp"
#include "tests/unit/nbd/threaded_device.hpp"
#include <array>
#include <cstdio>
#include <doctest/doctest.h>
#include <fstream>
#include <random>

/// The clients that people use: qemu's and libnbd's tools.

using namespace forerun;
using namespace forerun::nbd;

namespace {

constexpr std::uint64_t mib = 1u << 20;

struct ran {
  int status = -1;
  std::string said;
};

ran run(const std::string& command) {
  ran out;
  auto* pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> part;
  for (std::size_t count = 0; (count = std::fread(part.data(), 1, part.size(), pipe)) > 0;)
    out.said.append(part.data(), count);
  out.status = ::pclose(pipe);
  return out;
}

void works(const std::string& command) {
  const auto got = run(command);
  INFO(command << ": " << got.said);
  CHECK(got.status == 0);
}

/// One answers at once, one half of it later and sometimes stalls, one is nearly empty, one is for reading
/// only.
struct four_disks {
  exports_map names;
  std::shared_ptr<memory_device> quick = std::make_shared<memory_device>(
      export_info{.name = "quick", .description = "answers at once", .bytes = 64 * mib, .read_only = false});
  std::shared_ptr<threaded_device> slow = std::make_shared<threaded_device>(
      export_info{.name = "slow", .description = "", .bytes = 64 * mib, .read_only = false}, 2, 97);
  std::shared_ptr<memory_device> sparse = std::make_shared<memory_device>(
      export_info{.name = "sparse", .description = "", .bytes = 64 * mib, .read_only = false});
  std::shared_ptr<memory_device> fixed = std::make_shared<memory_device>(
      export_info{.name = "fixed", .description = "", .bytes = 10 * mib + 512, .read_only = true});
  stage on;

  four_disks() : on(prepared()) { slow->answer_to(on.server()); }
  std::string quoted(const std::string& name) const { return " '" + on.uri(name) + "'"; }
  std::string file(const std::string& name) const { return on.path() + "." + name; }

private:
  /// The content is there before the server's threads are.
  exports& prepared() {
    std::mt19937 random{7};
    for (const auto& disk : {quick, fixed})
      for (std::size_t at = 0; at < disk->bytes().size() / 3; ++at)
        disk->bytes()[at] = static_cast<std::byte>(random());
    std::fill_n(sparse->bytes().begin() + 8192, 4096, std::byte{1});
    for (const auto& disk : std::initializer_list<std::shared_ptr<device>>{quick, slow, sparse, fixed})
      names.add(disk);
    return names;
  }
};

} // namespace

TEST_CASE("qemu-io reads back what it wrote") {
  const four_disks with;
  for (const std::string name : {"quick", "slow"}) {
    works("qemu-io -f raw -c 'write -P 7 4096 8192' -c 'flush' -c 'read -P 7 4096 8192'" + with.quoted(name));
    works("qemu-io -f raw -c 'write -f -P 9 1000448 31457280' -c 'read -P 9 1000448 31457280'" +
          with.quoted(name));
    works("qemu-io -f raw -c 'write -z 1000448 4096' -c 'read -P 0 1000448 4096' -c 'discard 2M 1M' "
          "-c 'read -P 0 2M 1M'" +
          with.quoted(name));
    works("qemu-io -f raw -c 'aio_write -P 1 0 64k' -c 'aio_write -P 2 64k 64k' -c 'aio_write -P 3 1M 4M' "
          "-c aio_flush -c 'read -P 1 0 64k' -c 'read -P 2 64k 64k' -c 'read -P 3 1M 4M'" +
          with.quoted(name));
  }
}

TEST_CASE("qemu-io may not write to a read-only export") {
  const four_disks with;
  CHECK(run("qemu-io -f raw -c 'write 0 4096'" + with.quoted("fixed")).status != 0);
  works("qemu-io -r -f raw -c 'read 0 4096'" + with.quoted("fixed"));
}

TEST_CASE("qemu-img sees equal content, and copies a disk there and back") {
  const four_disks with;
  works("qemu-img convert -n -f raw -O raw" + with.quoted("quick") + with.quoted("slow"));
  works("qemu-img compare -f raw -F raw" + with.quoted("quick") + with.quoted("slow"));
  works("qemu-img convert -f raw -O qcow2" + with.quoted("fixed") + " " + with.file("copy"));
  works("qemu-img compare -f raw -F qcow2" + with.quoted("fixed") + " " + with.file("copy"));
  CHECK(run("qemu-img compare -f raw -F raw" + with.quoted("quick") + with.quoted("fixed")).status != 0);
}

TEST_CASE("nbdinfo tells sizes, flags and names") {
  const four_disks with;
  const auto list = run("nbdinfo --list" + with.quoted(""));
  INFO(list.said);
  CHECK(list.status == 0);
  for (const auto* part : {"export=\"quick\"", "export=\"slow\"", "export=\"fixed\"", "answers at once",
                           "export-size: 67108864", "export-size: 10486272", "base:allocation"})
    CHECK(list.said.find(part) != std::string::npos);
  const auto info = run("nbdinfo" + with.quoted("quick"));
  INFO(info.said);
  for (const auto* part :
       {"newstyle-fixed without TLS, using structured packets", "is_read_only: false", "can_cache: true",
        "can_df: true", "can_fua: true", "can_multi_conn: true", "can_trim: true", "can_zero: true",
        "block_size_maximum: 33554432", "block_size_preferred: 4096", "block_size_minimum: 1"})
    CHECK(info.said.find(part) != std::string::npos);
  CHECK(run("nbdinfo --is readonly" + with.quoted("fixed")).status == 0);
}

TEST_CASE("nbdinfo maps holes and data") {
  const four_disks with;
  const auto map = run("nbdinfo --map" + with.quoted("sparse"));
  INFO(map.said);
  std::string dense;
  for (const char each : map.said)
    if (each != ' ' || (!dense.empty() && dense.back() != ' '))
      dense += each;
  CHECK(dense.find("0 8192 3 hole,zero") != std::string::npos);
  CHECK(dense.find("8192 4096 0 data") != std::string::npos);
  CHECK(dense.find("12288 67096576 3 hole,zero") != std::string::npos);
}

TEST_CASE("nbdcopy copies a disk there and back over several connections") {
  const four_disks with;
  works("nbdcopy --connections=4 --requests=64" + with.quoted("quick") + with.quoted("slow"));
  works("nbdcopy --connections=4" + with.quoted("slow") + " " + with.file("copy"));
  std::ifstream copy{with.file("copy"), std::ios::binary};
  std::vector<char> content(64 * mib);
  copy.read(content.data(), static_cast<std::streamsize>(content.size()));
  CHECK(std::ranges::equal(std::as_bytes(std::span{content}), with.quick->bytes()));
  CHECK(with.slow->attached_count == with.slow->detached_count);
}
