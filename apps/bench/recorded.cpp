#include "apps/bench/recorded.hpp"
#include <random>

namespace forerun::bench {

recorded batches_of(const trace::boot_trace& recording) {
  recorded out;
  std::mt19937_64 random{1};
  for (const auto& from : recording.entries) {
    if (from.what == trace::action::flush)
      continue;
    const auto volume = from.volume + 1u;
    const bool read = from.what == trace::action::read, miss = random() % 20 == 0;
    // Recordings have microseconds; what lies below them is noise, as it is in life.
    out.span_ns = static_cast<std::int64_t>(from.at_us * 1000 + random() % 1000);
    forerun::access it;
    it.at = {1'790'000'000'000'000'000 + out.span_ns};
    it.latency = std::chrono::microseconds{miss ? 9'800 + random() % 900 : 5 + random() % 35};
    it.bytes = from.length;
    it.where = blocks_touched(from.offset, from.length);
    it.op = read ? operation::read : from.what == trace::action::trim ? operation::remove : operation::write;
    it.how = !read ? outcome::none : miss ? outcome::miss : outcome::hit;
    if (it.op == operation::write)
      for (auto& byte : it.written)
        byte = static_cast<std::uint8_t>(random());
    auto& batches = out.batches;
    if (batches.empty() || batches.back().volume.value != volume ||
        batches.back().entries.size() == access_batch_max)
      batches.push_back({.volume = {volume}, .run = {42}, .entries = {}});
    batches.back().entries.push_back(it);
  }
  return out;
}

} // namespace forerun::bench
