#include "runtime/predict/replay_log.hpp"
#include <algorithm>
#include <bit>

namespace forerun::predict {
namespace {

constexpr std::size_t index_min = 1024;

} // namespace

replay_log::replay_log(std::size_t size_max) : mask_(std::bit_ceil(std::max<std::size_t>(size_max, 64)) - 1) {
}

std::size_t replay_log::slot(std::uint64_t start) const {
  return (start * 0x9e3779b97f4a7c15u >> 32) & (index_.size() - 1);
}

void replay_log::append(std::uint64_t start, std::uint32_t count) {
  if (entries_.size() <= mask_) {
    entries_.push_back({start, count, 0});
    ++end_;
    if (entries_.size() > index_.size())
      rebuild_index();
    else
      link(end_ - 1);
    return;
  }
  entries_[end_ & mask_] = {start, count, 0};
  link(end_++);
}

void replay_log::link(std::uint64_t position) {
  auto& latest = index_[slot(at(position).start)];
  const auto back = static_cast<std::uint32_t>(position + 1) - latest;
  entries_[position & mask_].back = latest != 0 && back < entries_.size() ? back : 0;
  latest = static_cast<std::uint32_t>(position + 1);
}

void replay_log::rebuild_index() {
  index_.assign(std::max(index_min, std::bit_ceil(entries_.size()) * 2), 0);
  for (auto position = begin(); position < end_; ++position)
    link(position);
}

void replay_log::find(std::uint64_t start, std::size_t count, std::uint64_t distance,
                      std::vector<std::uint64_t>& out) const {
  constexpr std::size_t steps_max = 32; // Of a chain, which also holds other starts with the same hash.
  out.clear();
  if (index_.empty())
    return;
  const auto latest = index_[slot(start)];
  auto back = static_cast<std::uint32_t>(end_ + 1) - latest;
  if (latest == 0)
    return;
  auto position = end_;
  for (std::size_t step = 0; step < steps_max && out.size() < count; ++step) {
    if (back == 0 || back > position - begin())
      return;
    position -= back;
    const auto& one = at(position);
    if (one.start == start && end_ - position >= distance)
      out.push_back(position);
    back = one.back;
  }
}

} // namespace forerun::predict
