#include "runtime/predict/mix_around.hpp"
#include <algorithm>

namespace forerun::predict {
namespace {

constexpr std::uint32_t next_blocks = 17; ///< An unaligned request of 64 KiB.
constexpr std::uint32_t previous_blocks = 6;
constexpr std::uint64_t sight = 32;

} // namespace

void propose_around(const mix_request& seen, std::uint32_t run, mix_bench& bench) {
  std::uint32_t known = 0;
  const auto from = seen.first - std::min(seen.first, sight);
  for (auto block = from; block < seen.first + sight; ++block)
    known += bench.known(block);
  const auto density = known == 0 ? 0u : known < 16 ? 1u : known < 48 ? 2u : 3u;
  const auto length = seen.count == 1 ? 0u : seen.count < 8 ? 1u : 2u;
  const auto ran = run <= 1 ? 0u : run < 4 ? 1u : 2u;
  const auto end = seen.first + seen.count;
  const auto context = [&](bool up, std::uint64_t distance, std::uint64_t block, std::uint64_t edge) {
    const auto line = block / 16 == edge / 16 ? 1u : 0u;
    return static_cast<std::uint16_t>(
        (((((((up ? 1u : 0u) * 5 + log_bucket(distance, 4)) * 4 + density) * 3 + ran) * 3 + length) * 2 +
          (bench.known(block) ? 1u : 0u)) *
             2 +
         line));
  };
  for (std::uint64_t distance = 1; distance <= next_blocks; ++distance) {
    const auto block = end + distance - 1;
    const auto in_context = context(true, distance, block, end - 1);
    if (bench.chance(mix_expert::around, in_context) < bench.walk_min())
      break;
    bench.propose(mix_expert::around, in_context, block, static_cast<float>(distance));
  }
  for (std::uint64_t distance = 1; distance <= std::min<std::uint64_t>(previous_blocks, seen.first);
       ++distance) {
    const auto block = seen.first - distance;
    const auto in_context = context(false, distance, block, seen.first);
    if (bench.chance(mix_expert::around, in_context) < bench.walk_min())
      break;
    bench.propose(mix_expert::around, in_context, block, static_cast<float>(distance));
  }
}

} // namespace forerun::predict
