#include "runtime/provenance/decoder.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/provenance/columns.hpp"
#include <algorithm>
#include <array>
#include <zstd.h>

namespace forerun::provenance {
namespace {

// Sector counts and lengths both come doubled: nothing valid reaches this.
constexpr std::uint64_t length_limit = std::uint64_t{1} << 34;
// Of the names of one block, together; the writer's contexts stay far below.
constexpr std::size_t names_max = std::size_t{block_contexts_max} * 3;

result<void> take_contexts(byte_reader<>& reader, std::uint32_t count, std::vector<context>& out) {
  out.clear();
  const auto names_count = reader.take_varint();
  if (names_count == 0 || names_count > names_max)
    return errc::corrupt;
  std::vector<std::string_view> names;
  for (std::uint64_t i = 0; i < names_count && reader.ok(); ++i) {
    const auto length = reader.take_varint();
    if (length > name_bytes_max)
      return errc::corrupt;
    const auto bytes = reader.take_bytes(length);
    names.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    std::array<std::uint64_t, 3> name{};
    for (auto& it : name) {
      it = reader.take_varint();
      if (it >= names.size())
        return errc::corrupt;
    }
    const auto node = reader.take_varint();
    const auto run = reader.take_varint();
    const auto kind = reader.take_varint();
    const auto space = reader.take_varint();
    if (kind > 0xff || space > 0xffffffff)
      return errc::corrupt;
    out.push_back({.by = {.vm = std::string{names[name[0]]},
                          .program = std::string{names[name[1]]},
                          .user = std::string{names[name[2]]},
                          .node = node},
                   .run = {run},
                   .kind = static_cast<element_kind>(kind),
                   .space = static_cast<std::uint32_t>(space)});
  }
  if (!reader.ok())
    return errc::corrupt;
  return success();
}

/// Fills `out` with one number for every record; false when the column does not hold exactly so many.
bool take_numbers(column_codec codec, std::span<const std::byte> bytes, std::span<std::uint64_t> out) {
  byte_reader<> reader{bytes};
  if (codec == column_codec::plain) {
    for (auto& it : out)
      it = reader.take_varint();
    return reader.ok() && reader.left() == 0;
  }
  if (codec != column_codec::runs)
    return false;
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

/// The columns of one block as numbers, and the digests. Absent columns are all zero.
struct columns {
  columns(std::vector<std::uint64_t>& scratch, std::uint32_t records) : numbers(scratch), count(records) {
    numbers.assign(std::size_t{records} * number_columns, 0);
  }
  std::span<std::uint64_t> of(column_id id) {
    return std::span{numbers}.subspan((static_cast<std::size_t>(id) - 1) * count, count);
  }

  bool take(byte_reader<>& reader) {
    for (unsigned last = 0; reader.left() != 0;) {
      const auto id = reader.take<std::uint8_t>();
      const auto codec = static_cast<column_codec>(reader.take<std::uint8_t>());
      const auto bytes = reader.take_bytes(reader.take_varint());
      if (!reader.ok() || id <= last)
        return false;
      last = id;
      if (id <= number_columns && !take_numbers(codec, bytes, of(static_cast<column_id>(id))))
        return false;
      if (id > number_columns && id <= columns_known && !take_bytes(static_cast<column_id>(id), codec, bytes))
        return false;
    }
    return reader.ok();
  }

  bool take_bytes(column_id id, column_codec codec, std::span<const std::byte> bytes) {
    if (id == column_id::value && codec == column_codec::zstd) {
      if (!unpack(bytes))
        return false;
      bytes = unpacked;
    } else if (codec != column_codec::plain)
      return false;
    (id == column_id::digest ? digests : id == column_id::value ? values : versions) = bytes;
    return true;
  }

  bool unpack(std::span<const std::byte> frame) {
    const auto size = ZSTD_getFrameContentSize(frame.data(), frame.size());
    if (size > payload_bytes_max) // As are both of its error values.
      return false;
    unpacked.resize(static_cast<std::size_t>(size));
    return ZSTD_decompress(unpacked.data(), unpacked.size(), frame.data(), frame.size()) == size;
  }

  std::vector<std::uint64_t>& numbers;
  std::size_t count;
  std::span<const std::byte> digests;
  std::span<const std::byte> values;
  std::span<const std::byte> versions;
  std::vector<std::byte> unpacked;
};

} // namespace

result<void> decode_contexts(const block_header& header, std::span<const std::byte> payload,
                             std::vector<context>& out) {
  byte_reader<> reader{payload};
  return take_contexts(reader, header.contexts, out);
}

result<void> decode(const block_header& header, std::span<const std::byte> payload, decoded_block& out) {
  byte_reader<> reader{payload};
  if (auto taken = take_contexts(reader, header.contexts, out.contexts); !taken)
    return taken.error();
  columns from{out.scratch, header.records};
  if (!from.take(reader))
    return errc::corrupt;

  out.records.resize(header.records);
  out.context_of.resize(header.records);
  out.last_end.assign(header.contexts, 0);
  byte_reader<> digests{from.digests}, values{from.values}, versions{from.versions};
  std::uint64_t version = 0;
  const auto contexts = from.of(column_id::context), times = from.of(column_id::time),
             whats = from.of(column_id::what), firsts = from.of(column_id::first),
             counts = from.of(column_id::count), lengths = from.of(column_id::bytes),
             latencies = from.of(column_id::latency);
  std::int64_t time = 0;
  for (std::uint32_t i = 0; i < header.records; ++i) {
    auto& it = out.records[i];
    if (contexts[i] >= header.contexts || whats[i] >= what_end || lengths[i] >= length_limit ||
        latencies[i] > latency_us_max)
      return errc::corrupt;
    auto& last_end = out.last_end[contexts[i]];
    const auto length = lengths[i] & 1 ? lengths[i] / 2 : lengths[i] / 2 * sector_bytes;
    const auto first = last_end + static_cast<std::uint64_t>(unzigzag(firsts[i]));
    const auto count = wrapping_plus(unzigzag(counts[i]), count_expected(static_cast<std::uint32_t>(length)));
    time = wrapping_plus(time, unzigzag(times[i]));
    if (length > 0xffffffff || first >= element_limit || count < 0 || count > 0xffffffff)
      return errc::corrupt;
    const auto last = first + std::max<std::uint64_t>(static_cast<std::uint64_t>(count), 1) - 1;
    if (time < header.time_min.ns || time > header.time_max.ns || first < header.element_min ||
        last > header.element_max)
      return errc::corrupt;
    out.context_of[i] = static_cast<std::uint32_t>(contexts[i]);
    it = {.position = header.first_position + i,
          .at = {time},
          .latency = std::chrono::microseconds{latencies[i]},
          .where = {first, static_cast<std::uint32_t>(count)},
          .bytes = static_cast<std::uint32_t>(length),
          .op = static_cast<operation>(whats[i] & ((1u << operation_bits) - 1)),
          .how = static_cast<outcome>((whats[i] >> operation_bits) & ((1u << outcome_bits) - 1))};
    if (whats[i] & digest_flag) {
      const auto bytes = digests.take_bytes(it.written.size());
      if (!digests.ok())
        return errc::corrupt;
      std::memcpy(it.written.data(), bytes.data(), bytes.size());
    }
    if (whats[i] & value_flag) {
      const auto size = values.take_varint();
      if (size == 0 || size > value_bytes_max)
        return errc::corrupt;
      const auto bytes = values.take_bytes(size);
      it.value.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    if (whats[i] & version_flag)
      it.version = version += static_cast<std::uint64_t>(versions.take_zigzag());
    last_end = first + static_cast<std::uint64_t>(count);
  }
  for (const auto& rest : {digests, values, versions})
    if (!rest.ok() || rest.left() != 0)
      return errc::corrupt;
  return success();
}

} // namespace forerun::provenance
