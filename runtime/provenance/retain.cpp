#include "runtime/provenance/log.hpp"
#include <algorithm>

namespace forerun::provenance {
namespace {

/// With a limit of age a segment is written for this part of it at most, so that what is old can go at all.
constexpr int age_parts = 8;

/// Saturates; times in headers may be anything.
bool older(wall_time it, nanos age, wall_time now) {
  std::int64_t limit = 0;
  return !__builtin_sub_overflow(now.ns, age.count(), &limit) && it.ns < limit;
}

} // namespace

/// The segments past the limits, oldest first, up to the first that is within.
result<std::vector<std::uint32_t>> log::past(const retention& keep) const {
  auto numbers = segments_of(disk_);
  if (!numbers)
    return numbers.error();
  auto& all = numbers.value();
  const auto written = file_ ? file_number_ : all.empty() ? 0 : all.back();
  std::uint64_t total = 0;
  if (keep.bytes_max > 0) {
    const auto sum = bytes();
    if (!sum)
      return sum.error();
    total = sum.value();
  }
  const auto now = clock_.wall();
  for (auto it = all.begin(); it != all.end(); ++it) {
    const auto next_at = std::next(it);
    auto reader = *it < written && next_at != all.end() ? segment_reader::open(disk_, *it) : errc::not_found;
    bool goes = reader && keep.bytes_max > 0 && total > keep.bytes_max;
    if (reader && !goes && keep.age_max > nanos{0})
      if (auto next = segment_reader::open(disk_, *next_at))
        if (const auto header = next.value().header())
          goes = older(header.value().created, keep.age_max, now);
    if (!goes) {
      all.erase(it, all.end());
      break;
    }
    total -= std::min(total, reader.value().end());
  }
  return numbers;
}

result<bool> log::retain(const retention& keep) {
  if (!custody_.key())
    return errc::unavailable;
  if (custody_.held())
    return true;
  if (keep.age_max > nanos{0} && older(segment_began_, keep.age_max / age_parts, clock_.wall()))
    begin_segment_ = true;
  auto numbers = past(keep);
  if (!numbers)
    return numbers.error();
  auto& drop = numbers.value();
  const bool more = drop.size() > dropped_at_once;
  drop.resize(std::min(drop.size(), dropped_at_once));
  if (auto dropped = custody_.drop(drop); !dropped)
    return dropped.error();
  return more;
}

result<void> log::set_anchor() {
  if (auto committed = commit(durability::synced); !committed)
    return committed;
  return custody_.set_anchor(sealed_);
}

} // namespace forerun::provenance
