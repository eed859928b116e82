#include "runtime/trace/trace.hpp"
#include <cstdlib>

// Whatever the text: no crash, and what comes out keeps its promises.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace forerun;
  const trace::trace_limits limits{.entries_max = 1000, .volumes_max = 4, .volume_name_bytes_max = 8};
  const auto read = trace::parse({reinterpret_cast<const char*>(data), size}, limits);
  if (!read)
    return 0;
  std::uint64_t last = 0;
  for (const auto& each : read.value().entries) {
    const auto flush = each.what == trace::action::flush;
    if (each.at_us < last || each.volume >= read.value().volumes.size() || (each.length == 0) != flush ||
        each.length > limits.length_bytes_max || each.offset > limits.offset_bytes_max)
      std::abort();
    last = each.at_us;
  }
  if (read.value().entries.size() > limits.entries_max || read.value().volumes.size() > limits.volumes_max ||
      read.value().problems.size() > limits.problems_max)
    std::abort();
  return 0;
}
