#include "runtime/trace/trace.hpp"
#include "runtime/trace/reader.hpp"
#include <cstdlib>

using namespace forerun;

namespace {

void require(bool holds) {
  if (!holds)
    std::abort();
}

void check_boot(std::string_view text) {
  const trace::trace_limits limits{.entries_max = 1000, .volumes_max = 4, .volume_name_bytes_max = 8};
  const auto read = trace::parse(text, limits);
  if (!read)
    return;
  std::uint64_t last = 0;
  for (const auto& each : read.value().entries) {
    const auto flush = each.what == trace::action::flush;
    require(each.at_us >= last && each.volume < read.value().volumes.size() && (each.length == 0) == flush &&
            each.length <= limits.length_bytes_max && each.offset <= limits.offset_bytes_max);
    last = each.at_us;
  }
  require(read.value().entries.size() <= limits.entries_max &&
          read.value().volumes.size() <= limits.volumes_max &&
          read.value().problems.size() <= limits.problems_max);
}

/// Returns how many rows came, in pieces of `step` bytes.
std::uint64_t check_rows(std::string_view text, trace::reader_options options, std::size_t step) {
  options.limits.line_bytes_max = 512;
  options.limits.name_bytes_max = 64;
  options.limits.label_bytes_max = 16;
  std::uint64_t rows = 0;
  const auto check = [&](const trace::row& each) {
    ++rows;
    require(each.name.size() <= options.limits.name_bytes_max &&
            each.user.size() <= options.limits.label_bytes_max &&
            each.program.size() <= options.limits.label_bytes_max &&
            each.volume.size() <= options.limits.label_bytes_max &&
            each.offset <= options.limits.offset_bytes_max && each.latency.count() >= 0 &&
            each.name.empty() == (each.kind == element_kind::block));
  };
  trace::reader in(options);
  for (; !text.empty(); text.remove_prefix(std::min(step, text.size())))
    if (!in.feed(text.substr(0, step), check))
      return rows;
  (void)in.end(check);
  require(in.problems().size() <= options.limits.problems_max);
  return rows;
}

} // namespace

// Whatever the text: no crash, and what comes out keeps its promises.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  check_boot(text);
  require(check_rows(text, {}, 7) == check_rows(text, {}, 1u << 20));
  for (unsigned each = 0; each <= static_cast<unsigned>(trace::format_last); ++each)
    check_rows(text, {.as = static_cast<trace::format>(each), .ordinal = size % 2 == 1}, 64);
  // The first line as a map of columns, and the rest as its rows.
  const auto end = text.find('\n');
  if (const auto map = trace::parse_columns(text.substr(0, end)); map && end != std::string_view::npos)
    check_rows(text.substr(end + 1), {.columns = map.value()}, 64);
  return 0;
}
