#include "tests/unit/nbd/memory_device.hpp"
#include "tests/unit/nbd/stage.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::nbd;

namespace {

constexpr std::uint64_t mib = 1u << 20;

std::shared_ptr<memory_device> disk(const std::string& name, std::uint64_t bytes, bool read_only = false) {
  return std::make_shared<memory_device>(
      export_info{.name = name, .description = "a disk", .bytes = bytes, .read_only = read_only});
}

int run(const std::string& command) {
  return std::system((command + " > /dev/null").c_str());
}

} // namespace

TEST_CASE("qemu-io reads back what it wrote") {
  exports_map names;
  names.add(disk("a", 64 * mib));
  stage on{names};
  const auto uri = on.uri("a");
  CHECK(run("qemu-io -f raw -c 'write -P 7 4096 8192' -c 'flush' -c 'read -P 7 4096 8192' "
            "-c 'read -P 0 0 4096' '" +
            uri + "'") == 0);
  CHECK(run("qemu-io -f raw -c 'write -f -P 9 1000001 31457280' -c 'read -P 9 1000001 31457280' '" + uri +
            "'") == 0);
  CHECK(run("qemu-io -f raw -c 'write -z 1000448 4096' -c 'read -P 0 1000448 4096' -c 'discard 2M 1M' -c "
            "'read -P 0 2M 1M' '" +
            uri + "'") == 0);
}
