#include "runtime/base/date_time.hpp"
#include "runtime/base/floor.hpp"
#include <chrono>
#include <fmt/format.h>

namespace forerun {

std::string date_time(wall_time at, second_digits digits) {
  using namespace std::chrono;
  constexpr std::int64_t day_ns = 86'400'000'000'000;
  const auto rest = (at.ns % day_ns + day_ns) % day_ns;
  const year_month_day date{sys_days{days{floor_divided(at.ns, day_ns)}}};
  const hh_mm_ss time{nanoseconds{rest}};
  const auto fraction = time.subseconds().count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:0{}}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     digits == second_digits::nano ? fraction : fraction / 1000,
                     static_cast<unsigned>(digits));
}

} // namespace forerun
