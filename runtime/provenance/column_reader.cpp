#include "runtime/provenance/column_reader.hpp"
#include "runtime/provenance/format.hpp"
#include <algorithm>
#include <zstd.h>

namespace forerun::provenance {
namespace {

constexpr std::size_t varint_max = 10;

/// One number after the other; false when they are not exactly so many.
bool take_plain(std::span<const std::byte> bytes, std::span<std::uint64_t> out) {
  const auto* at = bytes.data();
  const auto* end = at + bytes.size();
  std::size_t count = 0;
  while (count < out.size() && end - at >= static_cast<std::ptrdiff_t>(varint_max)) {
    auto value = static_cast<std::uint64_t>(*at++);
    if (value >= 0x80) {
      value &= 0x7f;
      unsigned shift = 7;
      for (; shift < 64; shift += 7) {
        const auto byte = static_cast<std::uint64_t>(*at++);
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80)
          break;
      }
      if (shift >= 64)
        return false;
    }
    out[count++] = value;
  }
  // Close to the end each byte is looked for.
  byte_reader<> rest{bytes.subspan(static_cast<std::size_t>(at - bytes.data()))};
  for (; count < out.size(); ++count)
    out[count] = rest.take_varint();
  return rest.ok() && rest.left() == 0;
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
  if (it.codec == column_codec::plain)
    return take_plain(it.bytes, out);
  if (it.codec != column_codec::runs)
    return false;
  byte_reader<> reader{it.bytes};
  while (!out.empty()) {
    const auto value = reader.take_varint();
    const auto length = reader.take_varint();
    if (!reader.ok() || length == 0 || length > out.size())
      return false;
    std::fill_n(out.begin(), length, value);
    out = out.subspan(length);
  }
  return reader.left() == 0;
}

} // namespace forerun::provenance
