#include "runtime/study/leap.hpp"
#include <algorithm>
#include <bit>

namespace forerun::study {

std::int64_t leap::majority(std::size_t size) const {
  const auto count = std::min(size, count_); // Places that are still empty vote for nothing.
  const auto at = [this](std::size_t back) { return deltas_[(count_ - 1 - back) % history]; };
  std::int64_t candidate = 0;
  std::size_t votes = 0;
  for (std::size_t back = 0; back < count; ++back) {
    if (votes == 0)
      candidate = at(back);
    if (at(back) == candidate)
      ++votes;
    else
      --votes;
  }
  std::size_t agree = 0;
  for (std::size_t back = 0; back < count; ++back)
    agree += at(back) == candidate;
  return agree > size / 2 ? candidate : 0;
}

std::uint32_t leap::window(bool follows) {
  std::uint32_t size = 0;
  if (hits_ == 0)
    size = follows ? 1 : 0;
  else
    size = std::min(std::bit_ceil(hits_ + 1), window_max);
  hits_ = 0;
  // It shrinks smoothly.
  return window_ = std::max(size, window_ / 2);
}

void leap::observe(const access& seen, const residency&, const predict::link_figures&, wishes& out) {
  // More blocks than the history has places would only overwrite themselves.
  const auto fed = std::min<std::uint64_t>(seen.where.count, history + 1);
  for (auto block = seen.where.end() - fed; block < seen.where.end(); ++block) {
    if (begun_)
      deltas_[count_++ % history] = static_cast<std::int64_t>(block - last_);
    begun_ = true;
    last_ = block;
  }
  hits_ += seen.first_use_blocks > 0;
  if (seen.how == outcome::hit || count_ == 0)
    return;
  std::int64_t found = 0;
  for (auto size = history / split; size <= history && found == 0; size *= 2)
    found = majority(size);
  const auto latest = deltas_[(count_ - 1) % history];
  const auto steps = std::uint64_t{window(latest == (found != 0 ? found : trend_))} * seen.where.count;
  if (found != 0)
    trend_ = found;
  if (trend_ == 0)
    return;
  auto block = static_cast<std::int64_t>(last_);
  for (std::uint64_t step = 0; step < steps; ++step) {
    block += trend_;
    if (block < 0)
      break;
    out.fetch.push_back({.where = {static_cast<std::uint64_t>(block), 1}});
  }
}

} // namespace forerun::study
