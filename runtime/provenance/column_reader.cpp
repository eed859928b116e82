#include "runtime/provenance/column_reader.hpp"
#include "runtime/provenance/format.hpp"
#include <algorithm>
#include <bit>
#include <zstd.h>

namespace forerun::provenance {
namespace {

constexpr std::size_t varint_max = 10;

/// The 7-bit groups of up to eight bytes, without what continues them, as one number.
std::uint64_t packed_groups(std::uint64_t word) {
  word = (word & 0x7f007f007f007f00) >> 1 | (word & 0x007f007f007f007f);
  word = (word & 0x3fff00003fff0000) >> 2 | (word & 0x00003fff00003fff);
  return (word & 0x0fffffff00000000) >> 4 | (word & 0x000000000fffffff);
}

/// One number after the other; false when they are fewer, or, if `all`, more.
bool take_plain(std::span<const std::byte> bytes, std::span<std::uint64_t> out, bool all) {
  constexpr std::uint64_t ends = 0x8080808080808080;
  const auto* at = bytes.data();
  const auto* end = at + bytes.size();
  std::size_t count = 0;
  // No branch for the length: lengths follow no pattern.
  while (count < out.size() && end - at >= static_cast<std::ptrdiff_t>(varint_max)) {
    const auto word = get_number<std::uint64_t>(at);
    const auto last = ~word & ends;
    if (last == 0)
      break; // More than eight bytes.
    const auto length = static_cast<unsigned>(std::countr_zero(last) + 1) / 8;
    out[count++] = packed_groups(word & (last ^ (last - 1)));
    at += length;
  }
  byte_reader<> rest{bytes.subspan(static_cast<std::size_t>(at - bytes.data()))};
  for (; count < out.size() && rest.ok(); ++count)
    out[count] = rest.take_varint();
  return rest.ok() && (!all || rest.left() == 0);
}

} // namespace

bool column_reader::take(byte_reader<>& payload) {
  for (unsigned last = 0; payload.left() != 0;) {
    const auto id = payload.take<std::uint8_t>();
    const auto codec = static_cast<column_codec>(payload.take<std::uint8_t>());
    const auto bytes = payload.take_bytes(payload.take_varint());
    if (!payload.ok() || id <= last)
      return false;
    last = id;
    if (id > columns_known)
      continue;
    auto& it = columns_[id - 1u];
    it = {codec, bytes};
    if (id > number_columns && codec != column_codec::plain &&
        (static_cast<column_id>(id) != column_id::value || codec != column_codec::zstd || !unpack(it)))
      return false;
  }
  return payload.ok();
}

bool column_reader::unpack(column& it) {
  const auto size = ZSTD_getFrameContentSize(it.bytes.data(), it.bytes.size());
  if (size > payload_bytes_max) // As are both of its error values.
    return false;
  unpacked_.resize(static_cast<std::size_t>(size));
  if (ZSTD_decompress(unpacked_.data(), unpacked_.size(), it.bytes.data(), it.bytes.size()) != size)
    return false;
  it = {column_codec::plain, unpacked_};
  return true;
}

bool column_reader::numbers(column_id id, std::span<std::uint64_t> out) const {
  const auto& it = of(id);
  if (it.bytes.data() == nullptr) {
    std::fill(out.begin(), out.end(), 0);
    return true;
  }
  const bool all = out.size() == records_;
  if (it.codec == column_codec::plain)
    return take_plain(it.bytes, out, all);
  if (it.codec != column_codec::runs)
    return false;
  byte_reader<> reader{it.bytes};
  while (!out.empty()) {
    const auto value = reader.take_varint();
    const auto length = reader.take_varint();
    if (!reader.ok() || length == 0 || (all && length > out.size()))
      return false;
    const auto fits = std::min<std::uint64_t>(length, out.size());
    std::fill_n(out.begin(), fits, value);
    out = out.subspan(fits);
  }
  return !all || reader.left() == 0;
}

} // namespace forerun::provenance
