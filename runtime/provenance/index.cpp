#include "runtime/provenance/index.hpp"
#include <algorithm>
#include <array>
#include <bit>

namespace forerun::provenance {
namespace {

/// Stable: by the hash alone, in three passes.
void sort_by_hash(std::vector<std::uint64_t>& keys, unsigned block_bits) {
  constexpr unsigned digit_bits = 10;
  std::vector<std::uint64_t> other(keys.size());
  for (unsigned pass = 0; pass * digit_bits < group_hash_bits; ++pass) {
    const auto shift = part_bits + block_bits + pass * digit_bits;
    constexpr std::uint64_t mask = (1u << digit_bits) - 1;
    std::array<std::size_t, mask + 2> begin{};
    for (const auto key : keys)
      ++begin[(key >> shift & mask) + 1];
    for (std::size_t i = 1; i < begin.size(); ++i)
      begin[i] += begin[i - 1];
    for (const auto key : keys)
      other[begin[key >> shift & mask]++] = key;
    keys.swap(other);
  }
}

struct wanted_part {
  std::uint32_t hash;
  group_part part;
};

/// Where elements may be found: accesses of a whole space, then each group.
std::vector<wanted_part> parts_of(element_kind kind, std::uint32_t space, std::uint64_t first,
                                  std::uint64_t last) {
  std::vector<wanted_part> wanted{{wide_hash(kind, space), whole_group}};
  const auto first_group = first >> group_shift, last_group = last >> group_shift;
  for (auto group = first_group; group <= last_group; ++group)
    wanted.push_back({group_hash(kind, space, group),
                      part_of(group == first_group ? first : 0, group == last_group ? last : 15)});
  return wanted;
}

bool may_touch(const touched_groups& touched, const std::vector<wanted_part>& wanted) {
  // Most have it nowhere, which is known soonest when every one is looked at, for two at once.
  std::uint32_t same = 0;
  for (std::size_t i = 0; i < wanted.size(); i += 2) {
    const auto one = wanted[i].hash, other = wanted[std::min(i + 1, wanted.size() - 1)].hash;
    for (const auto it : touched.hashes)
      same += (it == one ? 1u : 0u) | (it == other ? 1u : 0u);
  }
  if (same > 0)
    for (const auto& it : wanted)
      for (std::size_t i = 0; i < touched.hashes.size(); ++i)
        if (touched.hashes[i] == it.hash && overlap(touched.parts[i], it.part))
          return true;
  return false;
}

} // namespace

std::uint32_t segment_index::blocks() const {
  const auto in_pieces =
      pieces.empty() ? 0
                     : pieces.back()->first_block + static_cast<std::uint32_t>(pieces.back()->blocks.size());
  return in_pieces + static_cast<std::uint32_t>(loose.size());
}

const block_place& segment_index::place(std::uint32_t block) const {
  const auto above = std::upper_bound(pieces.begin(), pieces.end(), block,
                                      [](auto wanted, const auto& it) { return wanted < it->first_block; });
  if (above != pieces.begin()) {
    const auto& piece = **std::prev(above);
    if (block - piece.first_block < piece.blocks.size())
      return piece.blocks[block - piece.first_block];
  }
  return loose[block - (blocks() - static_cast<std::uint32_t>(loose.size()))]->place;
}

result<std::vector<std::uint32_t>> segment_index::touching(element_kind kind, std::uint32_t space,
                                                           std::uint64_t first, std::uint64_t last) const {
  const auto wanted = parts_of(kind, space, first, last);
  std::vector<std::uint32_t> out;
  for (const auto& piece : pieces)
    for (const auto& it : wanted) {
      const auto before = out.size();
      if (auto found = piece->postings.find(it.hash, it.part, out); !found)
        return found.error();
      for (auto i = before; i < out.size(); ++i)
        if (out[i] >= piece->blocks.size())
          return errc::corrupt;
        else
          out[i] += piece->first_block;
    }
  auto block = blocks() - static_cast<std::uint32_t>(loose.size());
  for (const auto& it : loose) {
    if (may_touch(it->touched, wanted))
      out.push_back(block);
    ++block;
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void segment_index::will_be_asked(element_kind kind, std::uint32_t space, std::uint64_t first,
                                  std::uint64_t last) const {
  const auto wanted = parts_of(kind, space, first, last);
  for (const auto& piece : pieces)
    for (const auto& it : wanted)
      piece->postings.will_find(it.hash);
}

std::size_t segment_index::bytes() const {
  std::size_t sum = sizeof *this;
  for (const auto& it : pieces)
    sum +=
        it->blocks.size() * sizeof(block_place) + it->postings.memory.size() + it->postings.fences.size() * 4;
  if (contexts)
    sum += contexts->size() * (sizeof(context_span) + 3 * 16);
  for (const auto& rows : {minutes, hours})
    sum += rows ? rows->size() : 0;
  return sum;
}

touched_groups block_notes::take_touched() {
  recent_ = none();
  touched_groups out{std::vector<std::uint32_t>(touched_.size()), std::vector<group_part>(touched_.size())};
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    out.hashes[i] = static_cast<std::uint32_t>(touched_[i] >> part_bits);
    out.parts[i] = static_cast<group_part>(touched_[i]);
  }
  touched_.clear();
  return out;
}

void index_builder::add(const block_header& header, std::uint64_t offset, std::span<const context> contexts,
                        block_notes& notes) {
  auto block = std::make_shared<loose_block>();
  block->place = {static_cast<std::uint32_t>(offset), header.time_min, header.time_max};
  block->touched = notes.take_touched();
  loose_postings_ += block->touched.hashes.size();
  loose_.push_back(std::move(block));
  for (const auto& who : contexts) {
    const auto found = span_of_.find(who);
    if (found != span_of_.end())
      spans_[found->second].last_block = blocks_;
    else if (spans_.size() < context_spans_max) {
      span_of_.emplace(who, static_cast<std::uint32_t>(spans_.size()));
      spans_.push_back({who, blocks_, blocks_});
    } else
      spans_given_up_ = true;
  }
  sums_.add(notes.sums.take(), contexts);
  ++blocks_;
  if (loose_postings_ >= loose_postings_max)
    make_piece();
}

void index_builder::make_piece() {
  auto piece = std::make_shared<index_piece>();
  piece->first_block = blocks_ - static_cast<std::uint32_t>(loose_.size());
  piece->postings.block_bits = static_cast<unsigned>(std::bit_width(loose_.size() - 1));
  std::vector<std::uint64_t> keys;
  keys.reserve(loose_postings_);
  for (std::size_t i = 0; i < loose_.size(); ++i) {
    piece->blocks.push_back(loose_[i]->place);
    const auto& touched = loose_[i]->touched;
    for (std::size_t at = 0; at < touched.hashes.size(); ++at)
      keys.push_back(posting(touched.hashes[at], static_cast<std::uint32_t>(i), piece->postings.block_bits,
                             touched.parts[at]));
  }
  sort_by_hash(keys, piece->postings.block_bits);
  auto& pages = piece->postings.memory;
  posting_writer writer{piece->postings.block_bits, [&pages](std::span<const std::byte> page) {
                          pages.insert(pages.end(), page.begin(), page.end());
                          return result<void>{success()};
                        }};
  for (const auto key : keys)
    (void)writer.put(key);
  (void)writer.finish();
  pages.shrink_to_fit();
  piece->postings.fences = std::move(writer.fences);
  held_bytes_ += pages.size();
  pieces_.push_back(std::move(piece));
  loose_.clear();
  loose_postings_ = 0;
}

result<void> index_builder::spill(const std::shared_ptr<disk_file>& to) {
  for (auto& it : pieces_) {
    if (it->postings.file)
      continue;
    if (auto written = to->write(spilled_bytes_, it->postings.memory); !written)
      return written;
    auto spilled = std::make_shared<index_piece>();
    spilled->first_block = it->first_block;
    spilled->blocks = it->blocks;
    spilled->postings.file = to;
    spilled->postings.at = spilled_bytes_;
    spilled->postings.fences = it->postings.fences;
    spilled->postings.block_bits = it->postings.block_bits;
    spilled_bytes_ += it->postings.memory.size();
    held_bytes_ -= it->postings.memory.size();
    it = std::move(spilled);
  }
  return success();
}

std::shared_ptr<segment_index> index_builder::snapshot(bool with_sums) const {
  constexpr std::size_t spans_quickly_copied = 1024;
  auto out = std::make_shared<segment_index>();
  out->number = number_;
  out->pieces = pieces_;
  out->loose = loose_;
  if (!spans_given_up_ && (with_sums || spans_.size() <= spans_quickly_copied))
    out->contexts = std::make_shared<const std::vector<context_span>>(spans_);
  const auto packed = [](const std::optional<std::vector<rollup_row>>& rows) {
    return rows ? std::make_shared<const std::vector<std::byte>>(pack(*rows)) : nullptr;
  };
  if (with_sums) {
    out->minutes = packed(sums_.minutes());
    out->hours = packed(sums_.hours());
  }
  return out;
}

} // namespace forerun::provenance
