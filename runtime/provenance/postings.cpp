#include "runtime/provenance/postings.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/base/hash.hpp"
#include <algorithm>
#include <array>
#include <bit>

namespace forerun::provenance {
namespace {

constexpr std::size_t head_bytes = 16;
constexpr unsigned unary_max = 24;
constexpr unsigned k_max = 47;
constexpr std::uint64_t key_max = std::uint64_t{1} << (64 - part_bits); ///< Of hash and block together.
/// Words are read and written at once, so pages have so much room behind them in memory.
constexpr std::size_t slack_bytes = 16;
constexpr std::size_t page_bits = (posting_page_bytes - head_bytes) * 8;

using padded_page = std::array<std::byte, posting_page_bytes + slack_bytes>;

/// At most 56 bits at once, low bits first.
void put_bits(std::byte* bits, std::size_t at, std::uint64_t value, unsigned count) {
  if (count == 0)
    return;
  auto* word = bits + at / 8;
  put_number(word, get_number<std::uint64_t>(word) | value << at % 8);
}

std::uint64_t peek_bits(const std::byte* bits, std::size_t at) {
  return get_number<std::uint64_t>(bits + at / 8) >> at % 8;
}

std::uint32_t page_checksum(const std::byte* page) {
  return static_cast<std::uint32_t>(checksum({page + 4, posting_page_bytes - 4}));
}

constexpr std::uint64_t low(unsigned bits) {
  return (std::uint64_t{1} << bits) - 1;
}

} // namespace

result<void> posting_writer::put(std::uint64_t key) {
  if (!keys_.empty() && keys_.back() >> part_bits == key >> part_bits) {
    const auto part = joined(static_cast<group_part>(keys_.back()), static_cast<group_part>(key));
    keys_.back() = key >> part_bits << part_bits | part;
    return success();
  }
  if (keys_.size() == held_max)
    if (auto written = write_page(); !written)
      return written;
  keys_.push_back(key);
  return success();
}

result<void> posting_writer::finish() {
  while (!keys_.empty())
    if (auto written = write_page(); !written)
      return written;
  return success();
}

result<void> posting_writer::write_page() {
  // The codes are shortest when k fits the usual difference; an eighth of a page is enough to guess it.
  const auto some = std::min<std::size_t>(keys_.size(), 256);
  const auto mean = ((keys_[some - 1] >> part_bits) - (keys_[0] >> part_bits)) / some;
  const auto k = std::min(mean < 2 ? 0u : static_cast<unsigned>(std::bit_width(mean)) - 1, k_max);
  padded_page page{};
  auto* bits = page.data() + head_bytes;
  std::size_t at = 0, count = 0;
  for (; count < keys_.size(); ++count) {
    const auto part = static_cast<group_part>(keys_[count]);
    const auto part_length = part == whole_group ? 1 : 1 + part_bits;
    const auto value = count == 0 ? 0 : (keys_[count] >> part_bits) - (keys_[count - 1] >> part_bits) - 1;
    const auto above = value >> k;
    const bool escaped = above >= unary_max;
    const auto length = count == 0 ? 0 : escaped ? unary_max + 64 : above + 1 + k;
    if (at + length + part_length > page_bits)
      break;
    if (escaped) {
      put_bits(bits, at, low(unary_max), unary_max);
      put_bits(bits, at + unary_max, value & low(32), 32);
      put_bits(bits, at + unary_max + 32, value >> 32, 32);
    } else if (count > 0) {
      put_bits(bits, at, low(static_cast<unsigned>(above)), static_cast<unsigned>(above) + 1);
      put_bits(bits, at + above + 1, value & low(k), k);
    }
    at += length;
    put_bits(bits, at, part == whole_group ? 1u : std::uint64_t{part} << 1, 1 + part_bits);
    at += part_length;
  }
  put_number(page.data() + 4, static_cast<std::uint16_t>(count));
  page[6] = static_cast<std::byte>(k);
  put_number(page.data() + 8, keys_.front() >> part_bits);
  put_number(page.data(), page_checksum(page.data()));
  fences.push_back(static_cast<std::uint32_t>(keys_.front() >> (block_bits_ + part_bits)));
  keys_.erase(keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(count));
  return to_(std::span{page}.first(posting_page_bytes));
}

/// Passes the postings of one page until `take` returns false. Errors: `corrupt`.
template <class Take> result<void> each_posting(std::span<const std::byte> bytes, Take take) {
  if (bytes.size() != posting_page_bytes ||
      get_number<std::uint32_t>(bytes.data()) != page_checksum(bytes.data()))
    return errc::corrupt;
  padded_page page;
  std::copy(bytes.begin(), bytes.end(), page.begin());
  std::fill(page.begin() + posting_page_bytes, page.end(), std::byte{0});
  const auto count = get_number<std::uint16_t>(page.data() + 4);
  const auto k = static_cast<unsigned>(page[6]);
  auto key = get_number<std::uint64_t>(page.data() + 8);
  if (count == 0 || k > k_max)
    return errc::corrupt;
  const auto* bits = page.data() + head_bytes;
  std::size_t at = 0;
  for (unsigned done = 0; done < count; ++done) {
    if (at >= page_bits)
      return errc::corrupt;
    if (done > 0) {
      auto value = static_cast<std::uint64_t>(std::countr_one(peek_bits(bits, at)));
      if (value >= unary_max) {
        at += unary_max;
        if (at + 64 > page_bits)
          return errc::corrupt;
        value = (peek_bits(bits, at) & low(32)) | (peek_bits(bits, at + 32) & low(32)) << 32;
        at += 64;
      } else {
        at += value + 1;
        if (at + k > page_bits)
          return errc::corrupt;
        value = value << k | (peek_bits(bits, at) & low(k));
        at += k;
      }
      if (value >= key_max - key)
        return errc::corrupt;
      key += value + 1;
    }
    const auto word = peek_bits(bits, at);
    const bool whole = word & 1;
    at += whole ? 1 : 1 + part_bits;
    if (key >= key_max || at > page_bits)
      return errc::corrupt;
    if (!take(key << part_bits | (whole ? whole_group : word >> 1 & low(part_bits))))
      break;
  }
  return success();
}

result<void> unpack_page(std::span<const std::byte> page, std::vector<std::uint64_t>& out) {
  out.clear();
  return each_posting(page, [&out](std::uint64_t it) {
    out.push_back(it);
    return true;
  });
}

result<void> posting_table::page(std::size_t number, std::vector<std::uint64_t>& out) const {
  page_bytes room;
  const auto bytes = packed(number, room);
  return bytes ? unpack_page(bytes.value(), out) : bytes.error();
}

result<std::span<const std::byte>> posting_table::packed(std::size_t number, page_bytes& room) const {
  const auto begin = number * posting_page_bytes;
  if (!file) {
    if (begin + posting_page_bytes > memory.size())
      return errc::corrupt;
    return std::span{memory}.subspan(begin, posting_page_bytes);
  }
  const auto got = file->read(at + begin, room);
  if (!got)
    return got.error();
  return std::span<const std::byte>{room}.first(got.value());
}

std::size_t posting_table::page_of(std::uint32_t hash) const {
  const auto above = std::lower_bound(fences.begin(), fences.end(), hash);
  const auto number = static_cast<std::size_t>(above - fences.begin());
  return number > 0 ? number - 1 : 0; // The last postings of the page before may have the hash already.
}

void posting_table::will_find(std::uint32_t hash) const {
  const auto number = page_of(hash);
  if (file && number < fences.size() && fences[number] <= hash)
    file->will_read(at + number * posting_page_bytes, posting_page_bytes);
}

result<void> posting_table::find(std::uint32_t hash, group_part part, std::vector<std::uint32_t>& out) const {
  const auto shift = block_bits + part_bits;
  const auto first = std::uint64_t{hash} << shift, end = (std::uint64_t{hash} + 1) << shift;
  page_bytes room;
  for (auto number = page_of(hash); number < fences.size() && fences[number] <= hash; ++number) {
    const auto bytes = packed(number, room);
    if (!bytes)
      return bytes.error();
    const auto passed = each_posting(bytes.value(), [&](std::uint64_t it) {
      if (it >= first && it < end && overlap(static_cast<group_part>(it), part))
        out.push_back(static_cast<std::uint32_t>(it >> part_bits & low(block_bits)));
      return it < end;
    });
    if (!passed)
      return passed;
  }
  return success();
}

} // namespace forerun::provenance
