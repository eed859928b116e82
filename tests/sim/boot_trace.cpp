#include "tests/sim/boot_trace.hpp"
#include "runtime/trace/trace.hpp"
#include <memory>
#include <utility>
#include <zlib.h>

namespace forerun::boot_sim {
namespace {

std::optional<std::string> unpack(const std::string& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file)
    return std::nullopt;
  std::string text;
  char piece[1 << 16];
  int got = 0;
  while ((got = gzread(file.get(), piece, sizeof piece)) > 0)
    text.append(piece, static_cast<std::size_t>(got));
  return got == 0 ? std::optional(std::move(text)) : std::nullopt;
}

} // namespace

std::optional<std::vector<boot_step>> read_boot(const std::string& path, const pacing& how) {
  const auto text = unpack(path);
  if (!text)
    return std::nullopt;
  const auto recording = trace::parse(*text);
  if (!recording)
    return std::nullopt;
  std::vector<boot_step> steps;
  std::uint64_t last_us = 0;
  nanos think{0};
  for (const auto& it : recording.value().entries) {
    const nanos gap = std::chrono::microseconds{it.at_us - last_us};
    last_us = it.at_us;
    if (gap > how.gap_min)
      think += nanos{static_cast<nanos::rep>(static_cast<double>(gap.count()) / how.speed)};
    if (it.what != trace::action::read)
      continue;
    if (steps.empty() || think > nanos{0})
      steps.push_back({std::exchange(think, nanos{0}), {}});
    steps.back().reads.push_back(blocks_touched(it.offset, it.length));
  }
  return steps;
}

} // namespace forerun::boot_sim
