#include "runtime/provenance/log_view.hpp"
#include <algorithm>
#include <deque>
#include <numeric>

namespace forerun::provenance {
namespace {

/// Whether postings are asked: elements that are in so many groups at most.
bool is_point(const filter& wanted) {
  constexpr std::uint64_t groups = 16;
  return wanted.kind && wanted.space && wanted.element_last >= wanted.element_first &&
         (wanted.element_last - wanted.element_first) >> group_shift < groups;
}

/// Offset and length of a block.
std::pair<std::uint64_t, std::uint64_t> place_of(const segment_reader& reader, const segment_index& known,
                                                 std::uint32_t block) {
  const std::uint64_t from = known.place(block).offset;
  const auto to = block + 1 < known.blocks() ? known.place(block + 1).offset : reader.end();
  return {from, to > from ? to - from : 0};
}

} // namespace

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

log_view::index log_view::index_of(std::uint32_t segment) const {
  const auto found = std::lower_bound(indexes_.begin(), indexes_.end(), segment,
                                      [](const auto& it, auto wanted) { return it->number < wanted; });
  if (found != indexes_.end() && (*found)->number == segment)
    return *found;
  auto next = segment_reader::open(*disk_, segment + 1);
  const auto header = next ? next.value().header() : next.error();
  if (!header)
    return nullptr;
  auto read = read_index(*disk_, segment, header.value().predecessor);
  return read ? std::move(read.value()) : nullptr;
}

std::optional<std::vector<std::uint32_t>> log_view::candidates(const segment_index* known,
                                                               const filter& wanted) const {
  if (known == nullptr)
    return std::nullopt;
  std::vector<std::uint32_t> blocks;
  const bool point = is_point(wanted);
  if (point) {
    auto found = known->touching(*wanted.kind, *wanted.space, wanted.element_first, wanted.element_last);
    if (!found)
      return std::nullopt;
    blocks = std::move(found.value());
  } else {
    blocks.resize(known->blocks());
    std::iota(blocks.begin(), blocks.end(), 0u);
  }
  std::vector<bool> allowed(known->blocks(), known->contexts == nullptr);
  if (known->contexts)
    for (const auto& it : *known->contexts)
      if (wanted.wants(it.who))
        std::fill(allowed.begin() + it.first_block, allowed.begin() + it.last_block + 1, true);
  std::erase_if(blocks, [&](auto block) {
    const auto& place = known->place(block);
    return !allowed[block] || place.time_max < wanted.from || place.time_min > wanted.to;
  });
  // Most of a segment is read faster in one go.
  if (!point && blocks.size() > known->blocks() / 2)
    return std::nullopt;
  return blocks;
}

result<bool> log_view::scan_segment(std::uint32_t number, const filter& wanted, scanner& scan) const {
  const auto known = index_of(number);
  const auto blocks = candidates(known.get(), wanted);
  if (blocks && blocks->empty())
    return true;
  auto reader = open_segment(number, known.get());
  if (!reader)
    return reader.error() == errc::not_found ? result<bool>{true} : reader.error();
  if (!blocks)
    return scan.segment(reader.value());
  for (const auto block : *blocks) {
    const auto more = scan_block(reader.value(), *known, block, scan);
    if (!more || !more.value())
      return more;
  }
  return true;
}

result<segment_reader> log_view::open_segment(std::uint32_t number, const segment_index* known) const {
  if (known != nullptr && known->segment)
    return segment_reader::open(known->segment, number);
  return segment_reader::open(*disk_, number,
                              number == end_.segment ? std::optional{end_.offset} : std::nullopt);
}

result<bool> log_view::scan_block(segment_reader& reader, const segment_index& known, std::uint32_t block,
                                  scanner& scan) const {
  const auto [from, length] = place_of(reader, known, block);
  if (from >= reader.end())
    return true; // Not written then: it is among those in memory.
  const auto got = reader.at(from, length);
  if (got)
    return scan.block(got.value().header, got.value().payload());
  if (got.error() == errc::io_failed)
    return got.error();
  ++scan.so_far().damaged;
  return true;
}

result<void> log_view::scan_memory(scanner& scan) const {
  for (const auto& it : blocks_) {
    const std::span<const std::byte> bytes{*it};
    const auto more = scan.block(get_block_header(bytes).value(), bytes.subspan(block_header::bytes));
    if (!more)
      return more.error();
    if (!more.value())
      break;
  }
  return success();
}

result<scan_result> log_view::scan(const filter& wanted, const visitor& visit) const {
  const auto numbers = segments();
  if (!numbers)
    return numbers.error();
  scanner scan{wanted, visit, go_on_};
  for (auto it = numbers.value().begin(); it != numbers.value().end(); ++it) {
    // A segment that ends before the wanted positions is not read.
    if (const auto next = std::next(it); wanted.position_from > 0 && next != numbers.value().end())
      if (const auto behind = first_position(*next); behind && *behind <= wanted.position_from)
        continue;
    const auto more = scan_segment(*it, wanted, scan);
    if (!more)
      return more.error();
    if (!more.value())
      return scan.so_far();
  }
  if (const auto read = scan_memory(scan); !read)
    return read.error();
  auto& done = scan.so_far();
  if (done.complete)
    done.next_position = std::max(done.next_position, std::min(records_, wanted.position_to));
  return done;
}

result<bool> log_view::segment_blocks(log_place& from, std::uint64_t position,
                                      const block_visitor& visit) const {
  auto opened = segment_reader::open(
      *disk_, from.segment, from.segment == end_.segment ? std::optional{end_.offset} : std::nullopt);
  if (!opened)
    return opened.error() == errc::not_found ? result<bool>{true} : opened.error();
  auto& reader = opened.value();
  reader.seek(from.offset);
  for (bool searching = false;;) {
    const auto found = searching ? reader.find_next() : reader.next();
    if (!found) {
      if (found.error() == errc::io_failed)
        return errc::io_failed;
      searching = true;
      continue;
    }
    if (!found.value())
      return true;
    searching = false;
    const auto& block = *found.value();
    if (block.header.first_position + block.header.records > position &&
        !visit(block.header, block.payload())) {
      from.offset = block.offset;
      return false;
    }
    from.offset = reader.offset();
  }
}

result<void> log_view::blocks(log_place& from, std::uint64_t position, const block_visitor& visit) const {
  const auto numbers = segments();
  if (!numbers)
    return numbers.error();
  const auto& all = numbers.value();
  auto it = std::lower_bound(all.begin(), all.end(), from.segment);
  if (from.offset == 0) {
    // The last one that is known to begin at or before the position; one whose header is lost is not known
    // to.
    it = std::partition_point(all.begin(), all.end(), [&](auto number) {
      const auto first = first_position(number);
      return first && *first <= position;
    });
    it -= it == all.begin() ? 0 : 1;
  }
  for (; it != all.end(); ++it) {
    if (from.offset == 0 || *it != from.segment)
      from = {*it, segment_header::bytes};
    const auto more = segment_blocks(from, position, visit);
    if (!more)
      return more.error();
    if (!more.value())
      return success();
  }
  for (const auto& block : blocks_) {
    const std::span<const std::byte> bytes{*block};
    const auto header = get_block_header(bytes).value();
    if (header.first_position + header.records > position &&
        !visit(header, bytes.subspan(block_header::bytes)))
      break;
  }
  return success();
}

result<std::vector<log_view::part>> log_view::parts(std::span<const std::uint32_t> numbers,
                                                    const filter& wanted, std::size_t max) const {
  std::vector<index> known;
  for (const auto number : numbers)
    if (known.push_back(index_of(number)); known.back() && is_point(wanted))
      known.back()->will_be_asked(*wanted.kind, *wanted.space, wanted.element_first, wanted.element_last);
  std::vector<part> out;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    auto blocks = candidates(known[i].get(), wanted);
    if (blocks && blocks->empty())
      continue;
    auto reader = open_segment(numbers[i], known[i].get());
    if (!reader && reader.error() == errc::not_found)
      continue;
    if (!reader)
      return reader.error();
    if (blocks)
      for (auto block = blocks->rbegin(); block != blocks->rend() && max > 0; ++block, --max) {
        const auto place = place_of(reader.value(), *known[i], *block);
        reader.value().will_read(place.first, place.second);
      }
    out.push_back({std::move(reader.value()), std::move(known[i]), std::move(blocks)});
  }
  return out;
}

result<std::vector<entry>> log_view::last(const filter& wanted, std::size_t max) const {
  constexpr std::size_t segments_at_first = 2, segments_at_once = 16;
  std::vector<entry> all;
  if (max == 0)
    return all;
  auto numbers = segments();
  if (!numbers)
    return numbers.error();
  const auto every = all_matches(wanted);
  std::deque<entry> here; // Matches of one block or segment, the last of them.
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
  scanner scan{every, keep, go_on_};
  if (const auto read = scan_memory(scan); !read)
    return read.error();
  take();
  // Newest first, so that an often used element ends the search early.
  std::reverse(numbers.value().begin(), numbers.value().end());
  std::span<const std::uint32_t> left{numbers.value()};
  for (auto step = segments_at_first; !left.empty() && all.size() < max;
       step = std::min(2 * step, segments_at_once)) {
    const auto some = left.first(std::min(step, left.size()));
    left = left.subspan(some.size());
    auto found = parts(some, every, max - all.size());
    if (!found)
      return found.error();
    for (auto& it : found.value()) {
      if (all.size() == max)
        break;
      if (!it.blocks) {
        if (const auto more = scan.segment(it.reader); !more)
          return more.error();
        take();
        continue;
      }
      for (auto block = it.blocks->rbegin(); block != it.blocks->rend() && all.size() < max; ++block) {
        if (const auto more = scan_block(it.reader, *it.known, *block, scan); !more)
          return more.error();
        take();
      }
    }
  }
  std::reverse(all.begin(), all.end());
  return all;
}

} // namespace forerun::provenance
