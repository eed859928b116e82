#include "runtime/provenance/segment.hpp"
#include "runtime/base/sha256_pair.hpp"
#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace forerun::provenance {

std::string_view to_string(fault_kind kind) {
  switch (kind) {
  case fault_kind::segment_missing:
    return "segment missing";
  case fault_kind::header_damaged:
    return "segment header damaged";
  case fault_kind::block_damaged:
    return "block damaged";
  case fault_kind::out_of_order:
    return "block out of order";
  case fault_kind::chain_broken:
    return "chain broken";
  case fault_kind::summary_invalid:
    return "summary of dropped segments invalid";
  case fault_kind::anchor_invalid:
    return "anchor invalid";
  case fault_kind::anchor_mismatch:
    return "not the chain that was anchored";
  }
  return "unknown";
}

std::string to_string(const fault& it) {
  if (it.what == fault_kind::summary_invalid)
    return std::string{to_string(it.what)};
  if (it.what == fault_kind::anchor_invalid)
    return fmt::format("{} at offset {} of provenance.anchors", to_string(it.what), it.offset);
  return fmt::format("{} in segment {} at offset {}", to_string(it.what), it.segment, it.offset);
}

result<std::vector<std::uint32_t>> segments_of(disk& from) {
  auto names = from.list();
  if (!names)
    return names.error();
  std::vector<std::uint32_t> numbers;
  for (const auto& name : names.value())
    if (const auto number = segment_number(name))
      numbers.push_back(*number);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

result<segment_reader> segment_reader::open(disk& from, std::uint32_t number,
                                            std::optional<std::uint64_t> end) {
  auto file = from.open_to_read(segment_name(number));
  return file ? open(std::shared_ptr<disk_file>{std::move(file.value())}, number, end) : file.error();
}

result<segment_reader> segment_reader::open(std::shared_ptr<disk_file> file, std::uint32_t number,
                                            std::optional<std::uint64_t> end) {
  const auto size = file->size();
  if (!size)
    return size.error();
  return segment_reader{std::move(file), number, std::min(end.value_or(size.value()), size.value())};
}

result<std::span<const std::byte>> segment_reader::view(std::uint64_t offset, std::size_t length) {
  if (offset >= end_)
    return std::span<const std::byte>{};
  length = static_cast<std::size_t>(std::min<std::uint64_t>(length, end_ - offset));
  if (offset < window_at_ || offset + length > window_at_ + window_.size()) {
    const auto wanted = std::min<std::uint64_t>(std::max(length, window_bytes), end_ - offset);
    window_.resize(static_cast<std::size_t>(wanted));
    window_at_ = offset;
    ahead_.reset();
    const auto got = file_->read(offset, window_);
    window_.resize(got ? got.value() : 0);
    if (!got)
      return got.error();
    length = std::min(length, window_.size());
  }
  return std::span<const std::byte>{window_}.subspan(static_cast<std::size_t>(offset - window_at_), length);
}

result<segment_header> segment_reader::header() {
  const auto bytes = view(0, segment_header::bytes);
  if (!bytes)
    return bytes.error();
  auto header = get_segment_header(bytes.value());
  if (header && header.value().number != number_)
    return errc::corrupt;
  if (header)
    header_hash_ = sha256(bytes.value());
  return header;
}

result<raw_block> segment_reader::block_at(std::uint64_t offset) {
  if (offset >= segment_bytes_limit)
    return errc::corrupt;
  const auto head = view(offset, block_header::bytes);
  if (!head)
    return head.error();
  const auto header = get_block_header(head.value());
  if (!header)
    return header.error();
  const auto size = block_header::bytes + header.value().payload_bytes;
  const auto image = view(offset, size);
  if (!image)
    return image.error();
  if (image.value().size() != size ||
      checksum(image.value().subspan(block_header::bytes)) != header.value().payload_checksum)
    return errc::corrupt;
  return raw_block{offset, header.value(), image.value()};
}

result<std::optional<raw_block>> segment_reader::next() {
  if (offset_ >= end_)
    return std::optional<raw_block>{};
  auto block = block_at(offset_);
  if (!block)
    return block.error();
  offset_ += block.value().image.size();
  return std::optional{block.value()};
}

sha256_hash segment_reader::hash(const raw_block& block) {
  if (ahead_ && ahead_->offset == block.offset)
    return ahead_->hash;
  const auto behind = block.offset + block.image.size();
  const auto rest =
      std::span<const std::byte>{window_}.subspan(static_cast<std::size_t>(behind - window_at_));
  if (rest.size() < block_header::bytes)
    return sha256(block.image);
  const auto header = get_block_header(rest.first(block_header::bytes));
  const auto size = header ? block_header::bytes + header.value().payload_bytes : 0;
  if (size == 0 || rest.size() < size)
    return sha256(block.image);
  const auto both = sha256_pair(block.image, rest.first(size));
  ahead_ = {behind, both.second};
  return both.first;
}

result<raw_block> segment_reader::at(std::uint64_t offset, std::size_t length) {
  if (offset + length > end_ || length > block_header::bytes + payload_bytes_max)
    return errc::corrupt;
  window_.resize(length);
  window_at_ = offset;
  ahead_.reset();
  const auto got = file_->read(offset, window_);
  window_.resize(got ? got.value() : 0);
  return got ? block_at(offset) : got.error();
}

result<std::optional<raw_block>> segment_reader::find_next() {
  const auto magic = block_magic();
  const auto end = std::min(end_, segment_bytes_limit);
  std::size_t candidates = 0;
  for (auto at = offset_ + 1; at + block_header::bytes <= end && candidates < candidates_max;) {
    const auto bytes = view(at, window_bytes / 2);
    if (!bytes)
      return bytes.error();
    const auto found = std::search(bytes.value().begin(), bytes.value().end(), magic.begin(), magic.end());
    if (found == bytes.value().end()) {
      if (bytes.value().size() < magic.size())
        break;
      at += bytes.value().size() - magic.size() + 1; // The magic may lie across the end of what was seen.
      continue;
    }
    at += static_cast<std::uint64_t>(found - bytes.value().begin());
    auto block = block_at(at);
    if (block) {
      offset_ = at + block.value().image.size();
      return std::optional{block.value()};
    }
    if (block.error() == errc::io_failed)
      return errc::io_failed;
    ++candidates;
    ++at;
  }
  return std::optional<raw_block>{};
}

std::optional<fault_kind> chain::follow(const segment_header& header, sha256_hash hash) {
  if (header.number != segment)
    return fault_kind::segment_missing;
  if (header.first_sequence != sequence || header.first_position != position)
    return fault_kind::out_of_order;
  if (header.predecessor != head)
    return fault_kind::chain_broken;
  resume(header, hash);
  return std::nullopt;
}

std::optional<fault_kind> chain::follow(const raw_block& block, const sha256_hash& hash) {
  if (block.header.sequence != sequence || block.header.first_position != position)
    return fault_kind::out_of_order;
  if (block.header.predecessor != head)
    return fault_kind::chain_broken;
  resume(block, hash);
  return std::nullopt;
}

void chain::resume(const segment_header& header, sha256_hash hash) {
  head = hash;
  sequence = header.first_sequence;
  position = header.first_position;
  segment = header.number + 1;
}

void chain::resume(const raw_block& block, const sha256_hash& hash) {
  head = hash;
  sequence = block.header.sequence + 1;
  position = block.header.first_position + block.header.records;
}

} // namespace forerun::provenance
