#include "runtime/provenance/export_text.hpp"
#include "runtime/base/floor.hpp"
#include "runtime/base/hash.hpp"
#include <chrono>
#include <fmt/format.h>

namespace forerun::provenance {

std::string date_time(wall_time at) {
  using namespace std::chrono;
  constexpr std::int64_t day_ns = 86'400'000'000'000;
  const auto rest = (at.ns % day_ns + day_ns) % day_ns;
  const year_month_day date{sys_days{days{floor_divided(at.ns, day_ns)}}};
  const hh_mm_ss time{nanoseconds{rest}};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

std::string text_of(const digest& what) {
  return what == digest{} ? std::string{} : hex(what);
}

std::string name_of(element_kind kind) {
  return kind <= element_kind_last ? std::string{to_string(kind)}
                                   : fmt::format("kind{}", static_cast<unsigned>(kind));
}

std::string range_of(extent where) {
  return where.count > 1 ? fmt::format("{}-{}", where.first, where.end() - 1) : std::to_string(where.first);
}

} // namespace forerun::provenance
