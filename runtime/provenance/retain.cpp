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
  std::erase_if(all, [&](auto number) { return number > written; });
  std::vector<std::uint64_t> sizes(all.size());
  std::uint64_t total = file_ ? written_end_ : 0;
  for (std::size_t i = 0; i < all.size() && !(file_ && all[i] == written); ++i) {
    const auto reader = segment_reader::open(disk_, all[i]);
    if (!reader)
      return reader.error();
    sizes[i] = reader.value().end();
    total += sizes[i];
  }
  const auto began = [&](std::uint32_t number) -> std::optional<wall_time> {
    if (file_ && number == written)
      return segment_began_;
    auto reader = segment_reader::open(disk_, number);
    const auto header = reader ? reader.value().header() : reader.error();
    return header ? std::optional{header.value().created} : std::nullopt;
  };
  const auto now = clock_.wall();
  std::size_t count = 0;
  for (; count + 1 < all.size() && all[count] < written; ++count) {
    bool goes = keep.bytes_max > 0 && total > keep.bytes_max;
    if (!goes && keep.age_max > nanos{0})
      if (const auto next = began(all[count + 1]))
        goes = older(*next, keep.age_max, now);
    if (!goes)
      break;
    total -= sizes[count];
  }
  all.resize(count);
  return numbers;
}

result<bool> log::retain(const retention& keep) {
  if (!custody_.key())
    return errc::unavailable;
  if (custody_.held() || sync_failed_)
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
  if (!drop.empty())
    indexes_.forget_before(drop.back() + 1);
  return more;
}

result<void> log::set_anchor() {
  if (auto committed = commit(durability::synced); !committed)
    return committed;
  return custody_.set_anchor(sealed_);
}

} // namespace forerun::provenance
