#include "runtime/provenance/column_reader.hpp"
#include "runtime/provenance/format.hpp"
#include <algorithm>
#include <bit>
#include <zstd.h>

namespace forerun::provenance {
namespace {

/// The 7-bit groups of the lowest `bytes` bytes, 1 to 8, without what continues them, as one number. `pext`:
/// whether the processor has that instruction.
template <bool pext> std::uint64_t packed_groups(std::uint64_t word, std::ptrdiff_t bytes) {
  constexpr std::uint64_t groups = 0x7f7f7f7f7f7f7f7f;
  const auto kept = groups >> (64 - 8 * bytes);
#ifdef __x86_64__
  if constexpr (pext) {
    std::uint64_t packed;
    asm("pextq %2, %1, %0" : "=r"(packed) : "r"(word), "r"(kept));
    return packed;
  }
#endif
  word &= kept;
  word = (word & 0x7f007f007f007f00) >> 1 | (word & 0x007f007f007f007f);
  word = (word & 0x3fff00003fff0000) >> 2 | (word & 0x00003fff00003fff);
  return (word & 0x0fffffff00000000) >> 4 | (word & 0x000000000fffffff);
}

/// A bit for each byte of the word: whether a number ends there.
std::uint64_t ends_of(std::uint64_t word) {
  return (((~word & 0x8080808080808080) >> 7) * 0x0102040810204080) >> 56;
}

/// One number after the other; false when they are fewer, or, if `all`, more.
template <bool pext>
bool take_plain(std::span<const std::byte> bytes, std::span<std::uint64_t> out, bool all) {
  constexpr std::ptrdiff_t stretch = 64, word = 8;
  const auto* at = bytes.data(); // The next number begins here.
  const auto* const end = at + bytes.size();
  std::size_t count = 0;
  // Where the numbers of a stretch end is found first, so that none waits for the length of the one before.
  for (const auto* from = at; end - from >= stretch + word && out.size() - count >= stretch;
       from += stretch) {
    std::uint64_t ends = 0;
    for (std::ptrdiff_t i = 0; i < stretch; i += word)
      ends |= ends_of(get_number<std::uint64_t>(from + i)) << i;
    if (ends == ~std::uint64_t{0} && at == from) {
      std::transform(from, from + stretch, out.begin() + static_cast<std::ptrdiff_t>(count),
                     [](std::byte it) { return std::uint64_t{std::to_integer<std::uint8_t>(it)}; });
      count += stretch;
      at += stretch;
      continue;
    }
    for (; ends != 0; ends &= ends - 1) {
      const auto* const behind = from + std::countr_zero(ends) + 1;
      if (behind - at <= word) {
        out[count++] = packed_groups<pext>(get_number<std::uint64_t>(at), behind - at);
      } else {
        byte_reader<> one{{at, behind}};
        out[count++] = one.take_varint();
        if (!one.ok() || one.left() != 0)
          return false;
      }
      at = behind;
    }
  }
  byte_reader<> rest{{at, end}};
  for (; count < out.size() && rest.ok(); ++count)
    out[count] = rest.take_varint();
  return rest.ok() && (!all || rest.left() == 0);
}

#ifdef __x86_64__
const bool has_pext = __builtin_cpu_supports("bmi2") != 0;
#else
constexpr bool has_pext = false;
#endif

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
    return has_pext ? take_plain<true>(it.bytes, out, all) : take_plain<false>(it.bytes, out, all);
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
