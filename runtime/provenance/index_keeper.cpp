#include "runtime/provenance/index_keeper.hpp"
#include "runtime/provenance/decoder.hpp"
#include <algorithm>
#include <limits>

namespace forerun::provenance {
namespace {

result<std::shared_ptr<disk_file>> make_pieces_file(disk& on, std::uint32_t segment) {
  auto file = on.open(pieces_name(segment), true);
  if (!file)
    return file.error();
  if (auto empty = file.value()->resize(0); !empty)
    return empty.error();
  return std::shared_ptr<disk_file>{std::move(file.value())};
}

/// Merges what is there, or makes it from the segment.
result<std::shared_ptr<const segment_index>> make_index(disk& on, std::uint32_t segment,
                                                        std::shared_ptr<const segment_index> from,
                                                        const sha256_hash& head) {
  if (!from) {
    auto pieces = make_pieces_file(on, segment);
    if (!pieces)
      return pieces.error();
    auto built = index_of_blocks(on, segment, std::numeric_limits<std::uint64_t>::max(), pieces.value());
    if (!built)
      return built.error();
    built.value().finish();
    from = built.value().snapshot(true);
  }
  if (auto written = write_index(on, *from, head); !written)
    return written.error();
  (void)on.remove(pieces_name(segment)); // Those who still read it have it open.
  return read_index(on, segment, head);
}

} // namespace

result<index_builder> index_of_blocks(disk& from, std::uint32_t segment, std::uint64_t end,
                                      const std::shared_ptr<disk_file>& pieces) {
  auto reader = segment_reader::open(from, segment, end);
  if (!reader)
    return reader.error();
  index_builder builder{segment};
  block_notes notes;
  decoded_block decoded;
  for (;;) {
    const auto block = reader.value().next();
    if (!block)
      return block.error();
    if (!block.value())
      return builder;
    const auto& it = *block.value();
    if (auto good = decode(it.header, it.payload(), decoded); !good)
      return good.error();
    for (std::size_t i = 0; i < decoded.records.size(); ++i)
      notes.add(decoded.context_of[i], decoded.contexts[decoded.context_of[i]],
                std::span<const record>{&decoded.records[i], 1});
    builder.add(it.header, it.offset, decoded.contexts, notes);
    if (auto spilled = builder.spill(pieces); !spilled)
      return spilled.error();
  }
}

void index_keeper::open(const std::vector<std::uint32_t>& segments, std::uint64_t end) {
  if (segments.empty())
    return;
  for (auto it = segments.rbegin(); std::next(it) != segments.rend() && loaded_bytes_ < loaded_bytes_max;
       ++it) {
    auto reader = segment_reader::open(disk_, *it);
    const auto header = reader ? reader.value().header() : reader.error();
    const auto number = *std::next(it);
    if (!header || number + 1 != *it)
      continue;
    const auto& head = header.value().predecessor;
    if (auto read = read_index(disk_, number, head))
      remember(std::move(read.value()));
    else
      waiting_[number] = {nullptr, head};
  }
  if (end == 0)
    return;
  open_number_ = segments.back();
  auto pieces = make_pieces_file(disk_, open_number_);
  auto built = pieces ? index_of_blocks(disk_, open_number_, end, pieces.value()) : pieces.error();
  if (built) {
    open_ = std::move(built.value());
    pieces_ = std::move(pieces.value());
  }
}

void index_keeper::begin_segment(std::uint32_t number, const sha256_hash& head) {
  if (open_) {
    open_->finish();
    // With too many waiting, the index is made from the segment when they are done.
    waiting_[open_number_] = {waiting_.size() < waiting_max ? open_->snapshot(true) : nullptr, head};
  }
  open_.emplace(number);
  open_number_ = number;
  pieces_.reset();
}

void index_keeper::add_block(const block_header& header, std::uint64_t offset,
                             std::span<const context> contexts) {
  if (open_)
    open_->add(header, offset, contexts, notes_);
  else
    notes_ = {};
}

void index_keeper::write() {
  if (!open_ || open_->held_bytes() == 0)
    return;
  if (!pieces_)
    if (auto made = make_pieces_file(disk_, open_number_))
      pieces_ = std::move(made.value());
  if ((!pieces_ || !open_->spill(pieces_)) && open_->held_bytes() > held_bytes_max)
    open_.reset(); // The segment goes without until the next start.
}

std::vector<std::shared_ptr<const segment_index>> index_keeper::known(bool with_sums) const {
  std::vector<std::shared_ptr<const segment_index>> all;
  for (const auto& [number, it] : loaded_)
    all.push_back(it);
  for (const auto& [number, it] : waiting_)
    if (it.index)
      all.push_back(it.index);
  if (open_)
    all.push_back(open_->snapshot(with_sums));
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->number < b->number; });
  return all;
}

std::optional<index_job> index_keeper::next_job() {
  if (running_ || waiting_.empty())
    return std::nullopt;
  const auto& [number, it] = *waiting_.begin();
  running_ = number;
  return index_job{number, [&on = disk_, segment = number, from = it.index, head = it.head] {
                     return make_index(on, segment, from, head);
                   }};
}

void index_keeper::done(std::uint32_t segment, result<std::shared_ptr<const segment_index>> made) {
  running_.reset();
  if (!made && made.error() == errc::overloaded)
    return; // Nobody had time.
  waiting_.erase(segment);
  if (segment < forgotten_)
    (void)disk_.remove(index_name(segment)); // It was dropped while its index was made.
  else if (made)
    remember(std::move(made.value()));
}

void index_keeper::forget_before(std::uint32_t segment) {
  forgotten_ = std::max(forgotten_, segment);
  for (; !loaded_.empty() && loaded_.begin()->first < segment; loaded_.erase(loaded_.begin()))
    loaded_bytes_ -= loaded_.begin()->second->bytes();
  for (; !waiting_.empty() && waiting_.begin()->first < segment; waiting_.erase(waiting_.begin()))
    (void)disk_.remove(pieces_name(waiting_.begin()->first));
}

void index_keeper::remember(std::shared_ptr<const segment_index> it) {
  loaded_bytes_ += it->bytes();
  loaded_[it->number] = std::move(it);
  while (loaded_bytes_ > loaded_bytes_max && loaded_.size() > 1) {
    loaded_bytes_ -= loaded_.begin()->second->bytes();
    loaded_.erase(loaded_.begin());
  }
}

} // namespace forerun::provenance
