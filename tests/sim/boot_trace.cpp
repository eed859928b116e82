#include "tests/sim/boot_trace.hpp"
#include <cstdio>
#include <memory>
#include <utility>
#include <zlib.h>

namespace forerun::sim {

std::optional<std::vector<boot_step>> read_boot(const std::string& path, const pacing& how) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file)
    return std::nullopt;
  std::vector<boot_step> steps;
  std::int64_t last_us = 0;
  nanos think{0};
  char line[256];
  if (gzgets(file.get(), line, sizeof line) == nullptr)
    return std::nullopt;
  while (gzgets(file.get(), line, sizeof line) != nullptr) {
    long long at_us = 0;
    char op = 0;
    unsigned long long offset = 0;
    unsigned long long length = 0;
    if (std::sscanf(line, "%lld,%*[^,],%c,%llu,%llu", &at_us, &op, &offset, &length) != 4)
      return std::nullopt;
    const nanos gap = std::chrono::microseconds{at_us - last_us};
    last_us = at_us;
    if (gap > how.gap_min)
      think += nanos{static_cast<nanos::rep>(static_cast<double>(gap.count()) / how.speed)};
    if (op != 'R')
      continue;
    if (steps.empty() || think > nanos{0})
      steps.push_back({std::exchange(think, nanos{0}), {}});
    steps.back().reads.push_back(blocks_touched(offset, length));
  }
  return steps;
}

} // namespace forerun::sim
