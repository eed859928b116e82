#include "runtime/base/bytes.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/provenance/columns.hpp"
#include "runtime/provenance/decoder.hpp"
#include "runtime/provenance/index.hpp"
#include "runtime/provenance/name_table.hpp"
#include "runtime/provenance/segment.hpp"
#include <algorithm>
#include <array>
#include <bit>
#include <fmt/format.h>
#include <queue>

namespace forerun::provenance {
namespace {

constexpr char magic[9] = "FRPROVIX";
constexpr std::uint16_t version = 2;
constexpr std::uint64_t pages_at = 4096;
constexpr std::uint32_t blocks_max = segment_bytes_limit / block_header::bytes;
constexpr std::uint32_t pages_max = 1u << 16;
constexpr std::uint64_t section_bytes_max = 16u << 20;

enum section : std::size_t { fences, places, contexts, minutes, hours, sections };
struct section_head {
  std::uint64_t bytes = 0;
  std::uint64_t sum = 0;
};

/// The front of the file. A section of no bytes is not there.
struct index_header {
  static constexpr std::size_t bytes = 16 + 16 + 32 + sections * 16;
  std::uint32_t segment = 0;
  std::uint32_t blocks = 0;
  std::uint32_t pages = 0;
  std::uint8_t block_bits = 0;
  sha256_hash head{};
  std::array<section_head, sections> parts{};

  std::uint64_t sections_at() const { return pages_at + std::uint64_t{pages} * posting_page_bytes; }
};

std::vector<std::byte> put(const index_header& it) {
  std::vector<std::byte> rest;
  byte_writer<> out{rest};
  out.put(version);
  out.put(it.block_bits);
  out.put(std::uint8_t{0});
  out.put(it.segment);
  out.put(it.blocks);
  out.put(it.pages);
  out.put_bytes(std::as_bytes(std::span{it.head}));
  for (const auto& part : it.parts) {
    out.put(part.bytes);
    out.put(part.sum);
  }
  std::vector<std::byte> all;
  byte_writer<> front{all};
  front.put_bytes(std::as_bytes(std::span{magic}).first(8));
  front.put(checksum(rest));
  front.put_bytes(rest);
  return all;
}

result<index_header> get(std::span<const std::byte> bytes) {
  if (bytes.size() != index_header::bytes || std::memcmp(bytes.data(), magic, 8) != 0)
    return errc::corrupt;
  byte_reader<> in{bytes.subspan(8)};
  if (in.take<std::uint64_t>() != checksum(bytes.subspan(16)))
    return errc::corrupt;
  if (in.take<std::uint16_t>() != version)
    return errc::unsupported;
  index_header it;
  it.block_bits = in.take<std::uint8_t>();
  in.take<std::uint8_t>();
  it.segment = in.take<std::uint32_t>();
  it.blocks = in.take<std::uint32_t>();
  it.pages = in.take<std::uint32_t>();
  std::memcpy(it.head.data(), in.take_bytes(it.head.size()).data(), it.head.size());
  for (auto& part : it.parts) {
    part.bytes = in.take<std::uint64_t>();
    part.sum = in.take<std::uint64_t>();
    if (part.bytes > section_bytes_max)
      return errc::corrupt;
  }
  if (it.blocks > blocks_max || it.pages > pages_max || it.block_bits > 32)
    return errc::corrupt;
  return it;
}

std::vector<std::byte> pack_fences(const std::vector<std::uint32_t>& all) {
  std::vector<std::byte> bytes;
  byte_writer<> out{bytes};
  for (const auto it : all)
    out.put(it);
  return bytes;
}

std::vector<std::byte> pack_places(const segment_index& from) {
  std::vector<std::byte> bytes;
  byte_writer<> out{bytes};
  block_place before;
  for (std::uint32_t i = 0; i < from.blocks(); ++i) {
    const auto& it = from.place(i);
    out.put_varint(it.offset - before.offset);
    out.put_zigzag(wrapping_minus(it.time_min.ns, before.time_min.ns));
    out.put_zigzag(wrapping_minus(it.time_max.ns, it.time_min.ns));
    before = it;
  }
  return bytes;
}

result<std::vector<block_place>> unpack_places(std::span<const std::byte> bytes, std::uint32_t count) {
  byte_reader<> in{bytes};
  std::vector<block_place> all;
  block_place it;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    it.offset += static_cast<std::uint32_t>(in.take_varint());
    it.time_min = {wrapping_plus(it.time_min.ns, in.take_zigzag())};
    it.time_max = {wrapping_plus(it.time_min.ns, in.take_zigzag())};
    all.push_back(it);
  }
  if (!in.ok() || in.left() != 0)
    return errc::corrupt;
  return all;
}

std::vector<std::byte> pack_contexts(const std::vector<context_span>& spans) {
  std::vector<std::byte> body, all;
  byte_writer<> out{body}, front{all};
  name_table names;
  for (const auto& it : spans) {
    names.put(out, it.who);
    out.put_varint(it.first_block);
    out.put_varint(it.last_block - it.first_block);
  }
  names.write(front);
  front.put_varint(spans.size());
  front.put_bytes(body);
  return all;
}

result<std::vector<context_span>> unpack_contexts(std::span<const std::byte> bytes, std::uint32_t blocks) {
  byte_reader<> in{bytes};
  const auto names = take_names(in, context_spans_max * 3);
  const auto count = in.take_varint();
  if (!names || count > context_spans_max)
    return errc::corrupt;
  std::vector<context_span> all;
  for (std::uint64_t i = 0; i < count; ++i) {
    auto who = take_context(in, names.value());
    const auto first = in.take_varint(), more = in.take_varint();
    if (!who || first >= blocks || more >= blocks - first)
      return errc::corrupt;
    all.push_back({std::move(who.value()), static_cast<std::uint32_t>(first),
                   static_cast<std::uint32_t>(first + more)});
  }
  if (!in.ok() || in.left() != 0)
    return errc::corrupt;
  return all;
}

/// The postings of one piece in order, a page at a time, counted from the segment's first block.
struct piece_cursor {
  const index_piece* from = nullptr;
  unsigned block_bits = 0; ///< Of the whole segment.
  std::vector<std::uint64_t> keys{};
  std::size_t at = 0;
  std::size_t page = 0;
  std::uint64_t key = 0;

  /// False at the end.
  result<bool> next() {
    if (at == keys.size()) {
      if (page == from->postings.fences.size())
        return false;
      if (auto unpacked = from->postings.page(page++, keys); !unpacked)
        return unpacked.error();
      at = 0;
    }
    const auto own = keys[at++];
    const auto bits = from->postings.block_bits;
    const auto block =
        static_cast<std::uint32_t>(own >> part_bits & ((std::uint64_t{1} << bits) - 1)) + from->first_block;
    key = posting(static_cast<std::uint32_t>(own >> (bits + part_bits)), block, block_bits,
                  static_cast<group_part>(own));
    return true;
  }
};

/// Pieces follow one another in blocks, so no posting is in two of them.
result<void> merge(const segment_index& from, unsigned block_bits, posting_writer& to) {
  std::vector<piece_cursor> cursors;
  for (const auto& it : from.pieces)
    cursors.push_back({.from = it.get(), .block_bits = block_bits});
  const auto later = [&](std::size_t a, std::size_t b) { return cursors[a].key > cursors[b].key; };
  std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(later)> heads{later};
  auto push = [&](std::size_t which) -> result<void> {
    const auto more = cursors[which].next();
    if (!more)
      return more.error();
    if (more.value())
      heads.push(which);
    return success();
  };
  for (std::size_t i = 0; i < cursors.size(); ++i)
    if (auto pushed = push(i); !pushed)
      return pushed;
  while (!heads.empty()) {
    const auto which = heads.top();
    heads.pop();
    if (auto written = to.put(cursors[which].key); !written)
      return written;
    if (auto pushed = push(which); !pushed)
      return pushed;
  }
  return to.finish();
}

constexpr std::size_t write_bytes = 256u << 10;

} // namespace

std::string pieces_name(std::uint32_t segment) {
  return fmt::format("provenance-{:08}.pieces", segment);
}

result<void> write_index(disk& to, const segment_index& from, const sha256_hash& head) {
  const auto made = index_name(from.number) + ".new";
  auto file = to.open(made, true);
  if (!file)
    return file.error();
  if (auto empty = file.value()->resize(0); !empty)
    return empty;
  index_header header{.segment = from.number, .blocks = from.blocks(), .head = head};
  header.block_bits = static_cast<std::uint8_t>(std::bit_width(std::max(header.blocks, 1u) - 1));
  std::vector<std::byte> waiting;
  auto at = pages_at;
  const auto flush = [&]() -> result<void> {
    auto written = file.value()->write(at, waiting);
    at += waiting.size();
    waiting.clear();
    return written;
  };
  posting_writer pages{header.block_bits, [&](std::span<const std::byte> page) -> result<void> {
                         waiting.insert(waiting.end(), page.begin(), page.end());
                         return waiting.size() < write_bytes ? result<void>{success()} : flush();
                       }};
  if (auto merged = merge(from, header.block_bits, pages); !merged)
    return merged;
  header.pages = static_cast<std::uint32_t>(pages.fences.size());
  std::array<std::vector<std::byte>, sections> parts;
  parts[fences] = pack_fences(pages.fences);
  parts[places] = pack_places(from);
  if (from.contexts)
    parts[contexts] = pack_contexts(*from.contexts);
  if (from.minutes)
    parts[minutes] = *from.minutes;
  if (from.hours)
    parts[hours] = *from.hours;
  for (std::size_t i = 0; i < sections; ++i) {
    header.parts[i] = {parts[i].size(), checksum(parts[i])};
    waiting.insert(waiting.end(), parts[i].begin(), parts[i].end());
  }
  if (auto written = flush(); !written)
    return written;
  if (auto written = file.value()->write(0, put(header)); !written)
    return written;
  // Not made durable: what a crash leaves of it does not hold its checksums, and it is made again.
  return to.rename(made, index_name(from.number));
}

result<std::shared_ptr<const segment_index>> read_index(disk& from, std::uint32_t segment,
                                                        const sha256_hash& head) {
  auto opened = from.open_to_read(index_name(segment));
  if (!opened)
    return opened.error();
  std::shared_ptr<disk_file> file = std::move(opened.value());
  std::vector<std::byte> bytes(index_header::bytes);
  auto read = [&](std::uint64_t at) -> result<void> {
    const auto got = file->read(at, bytes);
    if (got && got.value() != bytes.size())
      return errc::corrupt;
    return got ? result<void>{success()} : got.error();
  };
  if (auto got = read(0); !got)
    return got.error();
  const auto header = get(bytes);
  if (!header)
    return header.error();
  const auto& it = header.value();
  if (it.segment != segment || it.head != head)
    return errc::corrupt;
  std::array<std::vector<std::byte>, sections> parts;
  auto at = it.sections_at();
  for (std::size_t i = 0; i < sections; ++i) {
    bytes.resize(it.parts[i].bytes);
    if (auto got = read(at); !got)
      return got.error();
    if (checksum(bytes) != it.parts[i].sum)
      return errc::corrupt;
    at += bytes.size();
    parts[i] = bytes;
  }
  auto piece = std::make_shared<index_piece>();
  auto blocks = unpack_places(parts[places], it.blocks);
  if (!blocks || parts[fences].size() != std::size_t{it.pages} * 4)
    return errc::corrupt;
  piece->blocks = std::move(blocks.value());
  piece->postings.file = file;
  piece->postings.at = pages_at;
  piece->postings.block_bits = it.block_bits;
  byte_reader<> fence_bytes{parts[fences]};
  for (std::uint32_t i = 0; i < it.pages; ++i)
    piece->postings.fences.push_back(fence_bytes.take<std::uint32_t>());
  auto out = std::make_shared<segment_index>();
  out->number = segment;
  if (auto records = from.open_to_read(segment_name(segment)))
    out->segment = std::move(records.value());
  out->pieces.push_back(std::move(piece));
  if (!parts[contexts].empty()) {
    auto spans = unpack_contexts(parts[contexts], it.blocks);
    if (!spans)
      return spans.error();
    out->contexts = std::make_shared<const std::vector<context_span>>(std::move(spans.value()));
  }
  for (const auto which : {minutes, hours})
    if (!parts[which].empty())
      (which == minutes ? out->minutes : out->hours) =
          std::make_shared<const std::vector<std::byte>>(std::move(parts[which]));
  return std::shared_ptr<const segment_index>{std::move(out)};
}

} // namespace forerun::provenance
