#include "runtime/study/readahead.hpp"
#include <algorithm>
#include <bit>

namespace forerun::study {
namespace {

/// get_init_ra_size of mm/readahead.c.
std::uint32_t first_window(std::uint32_t asked) {
  const auto size = std::bit_ceil(std::min(asked, readahead::window_max));
  if (size <= readahead::window_max / 32)
    return size * 4;
  return size <= readahead::window_max / 4 ? size * 2 : readahead::window_max;
}

/// get_next_ra_size.
std::uint32_t next_window(std::uint32_t window) {
  return window < readahead::window_max / 16 ? window * 4 : std::min(window * 2, readahead::window_max);
}

} // namespace

void readahead::observe(const access& seen, const residency&, const predict::link_figures&, wishes& out) {
  const auto where = seen.where;
  const auto mine = std::find_if(sequences_.begin(), sequences_.end(), [&](const sequence& each) {
    return where.first == each.next || where.first + 1 == each.next;
  });
  if (mine == sequences_.end()) {
    if (sequences_.size() >= sequences_max)
      sequences_.pop_back();
    sequences_.push_front({.next = where.end()});
    return;
  }
  sequences_.splice(sequences_.begin(), sequences_, mine);
  mine->next = where.end();
  if (mine->window == 0 || where.end() > mine->ahead) {
    mine->window = mine->window == 0 ? first_window(where.count) : next_window(mine->window);
    mine->marker = where.end();
    mine->ahead = where.end() + mine->window;
    out.fetch.push_back({.where = {where.end(), mine->window}});
  } else if (where.contains(mine->marker)) {
    mine->window = next_window(mine->window);
    mine->marker = mine->ahead;
    out.fetch.push_back({.where = {mine->ahead, mine->window}});
    mine->ahead += mine->window;
  }
}

void stream_detector::observe(const access& seen, const residency&, const predict::link_figures&,
                              wishes& out) {
  const auto where = seen.where;
  const auto mine = std::find_if(ends_.begin(), ends_.end(), [&](std::uint64_t end) {
    return where.first >= end && where.first <= end + tolerance;
  });
  if (mine == ends_.end()) {
    if (ends_.size() >= streams_max)
      ends_.pop_back();
    ends_.push_front(where.end());
    return;
  }
  ends_.splice(ends_.begin(), ends_, mine);
  *mine = where.end();
  out.fetch.push_back({.where = {where.end(), degree}});
}

} // namespace forerun::study
