#include "runtime/provenance/log_view.hpp"
#include <algorithm>
#include <deque>

namespace forerun::provenance {

result<std::vector<std::uint32_t>> log_view::segments() const {
  auto numbers = segments_of(*disk_);
  if (numbers)
    std::erase_if(numbers.value(), [&](auto number) {
      return number > end_.segment || (number == end_.segment && end_.offset == 0);
    });
  return numbers;
}

std::optional<std::uint64_t> log_view::first_position(std::uint32_t number) const {
  auto reader = segment_reader::open(*disk_, number);
  if (!reader)
    return std::nullopt;
  const auto header = reader.value().header();
  return header ? std::optional{header.value().first_position} : std::nullopt;
}

result<bool> log_view::scan_segment(std::uint32_t number, scanner& scan) const {
  auto reader = segment_reader::open(*disk_, number,
                                     number == end_.segment ? std::optional{end_.offset} : std::nullopt);
  if (!reader)
    return reader.error() == errc::not_found ? result<bool>{true} : reader.error();
  return scan.segment(reader.value());
}

void log_view::scan_memory(scanner& scan) const {
  for (const auto& it : blocks_) {
    const std::span<const std::byte> bytes{*it};
    if (!scan.block(get_block_header(bytes).value(), bytes.subspan(block_header::bytes)))
      return;
  }
}

result<scan_result> log_view::scan(const filter& wanted, const visitor& visit) const {
  const auto numbers = segments();
  if (!numbers)
    return numbers.error();
  scanner scan{wanted, visit};
  for (auto it = numbers.value().begin(); it != numbers.value().end(); ++it) {
    // A segment that ends before the wanted positions is not read.
    if (const auto next = std::next(it); wanted.position_from > 0 && next != numbers.value().end())
      if (const auto behind = first_position(*next); behind && *behind <= wanted.position_from)
        continue;
    const auto more = scan_segment(*it, scan);
    if (!more)
      return more.error();
    if (!more.value())
      return scan.so_far();
  }
  scan_memory(scan);
  return scan.so_far();
}

result<std::vector<entry>> log_view::last(const filter& wanted, std::size_t max) const {
  std::vector<entry> all;
  if (max == 0)
    return all;
  const auto numbers = segments();
  if (!numbers)
    return numbers.error();
  auto every = wanted;
  every.records_max = std::numeric_limits<std::size_t>::max();
  std::deque<entry> here; // Matches of one segment, the last of them.
  const visitor keep = [&](const context& who, const record& what) {
    if (here.size() == max - all.size())
      here.pop_front();
    here.push_back({who, what});
    return true;
  };
  auto take = [&] {
    all.insert(all.end(), std::make_move_iterator(here.rbegin()), std::make_move_iterator(here.rend()));
    here.clear();
  };
  // Newest first, so that an often used element ends the search early.
  scanner memory{every, keep};
  scan_memory(memory);
  take();
  for (auto it = numbers.value().rbegin(); it != numbers.value().rend() && all.size() < max; ++it) {
    scanner scan{every, keep};
    if (const auto more = scan_segment(*it, scan); !more)
      return more.error();
    take();
  }
  std::reverse(all.begin(), all.end());
  return all;
}

} // namespace forerun::provenance
