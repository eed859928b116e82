#include "runtime/replay/load.hpp"
#include "runtime/replay/packed_file.hpp"

namespace forerun::replay {

result<trace::boot_trace> load_trace(const std::string& path, const trace::trace_limits& limits) {
  constexpr std::size_t step = 1u << 20;
  auto file = packed_file::open(path);
  if (!file)
    return file.error();
  std::string text;
  while (true) {
    const auto have = text.size();
    text.resize(have + step);
    const auto got = file.value().read(std::span{text}.subspan(have));
    if (!got)
      return got.error();
    text.resize(have + got.value());
    if (text.size() > trace_text_bytes_max)
      return errc::out_of_range;
    if (got.value() == 0)
      return trace::parse(text, limits);
  }
}

} // namespace forerun::replay
