#include <array>
#include <cstddef>
#include <cstdio>
#include <runtime/base/extent.hpp>
#include <runtime/base/hash.hpp>
#include <runtime/base/result.hpp>

// Uses a header, and code of the installed library.
int main() {
  const auto touched = forerun::blocks_touched(4095, 2);
  const auto name = forerun::to_string(forerun::errc::timed_out);
  const std::array<std::byte, 4> data{};
  std::printf("%u blocks, \"%.*s\", checksum %016llx\n", touched.count, static_cast<int>(name.size()),
              name.data(), static_cast<unsigned long long>(forerun::checksum(data)));
  return touched.count == 2 ? 0 : 1;
}
