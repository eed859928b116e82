#include "runtime/provenance/format.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/provenance/record.hpp"
#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace forerun::provenance {
namespace {

constexpr char segment_magic[9] = "FRPROVSG";
constexpr char block_magic_text[9] = "FRPROVBK";
constexpr std::size_t magic_bytes = 8;
constexpr std::size_t checked_from = 16; ///< Magic and checksum come first; the checksum covers the rest.

constexpr std::string_view name_prefix = "provenance-";
constexpr std::string_view name_suffix = ".log";
constexpr std::size_t name_digits = 8;

std::span<const std::byte, magic_bytes> magic_of(const char (&text)[9]) {
  return std::as_bytes(std::span{text}).first<magic_bytes>();
}

/// Writes fields one after the other.
class field_writer {
public:
  explicit field_writer(std::span<std::byte> out) : at_(out.data()) {}
  template <std::unsigned_integral T> void put(T value) {
    put_number(at_, value);
    at_ += sizeof(T);
  }
  void put(wall_time value) { put(static_cast<std::uint64_t>(value.ns)); }
  void put(const sha256_hash& hash) {
    std::memcpy(at_, hash.data(), hash.size());
    at_ += hash.size();
  }

private:
  std::byte* at_;
};

void seal(std::span<std::byte> out, const char (&magic)[9]) {
  std::memcpy(out.data(), magic, magic_bytes);
  put_number(out.data() + magic_bytes, checksum(out.subspan(checked_from)));
}

/// What both headers share: enough bytes, magic, checksum, version. Leaves the reader behind the version.
result<byte_reader<>> open_header(std::span<const std::byte> bytes, std::size_t size,
                                  const char (&magic)[9]) {
  if (bytes.size() < size || std::memcmp(bytes.data(), magic, magic_bytes) != 0)
    return errc::corrupt;
  if (get_number<std::uint64_t>(bytes.data() + magic_bytes) !=
      checksum(bytes.first(size).subspan(checked_from)))
    return errc::corrupt;
  byte_reader<> reader{bytes.first(size).subspan(checked_from)};
  if (const auto version = reader.take<std::uint16_t>(); version == 0 || version > format_version)
    return errc::unsupported;
  return reader;
}

wall_time take_time(byte_reader<>& from) {
  return {static_cast<std::int64_t>(from.take<std::uint64_t>())};
}

sha256_hash take_hash(byte_reader<>& from) {
  sha256_hash hash;
  std::memcpy(hash.data(), from.take_bytes(hash.size()).data(), hash.size());
  return hash;
}

} // namespace

std::span<const std::byte, 8> block_magic() {
  return magic_of(block_magic_text);
}

void put(const segment_header& header, std::span<std::byte, segment_header::bytes> out) {
  field_writer fields{out.subspan(checked_from)};
  fields.put(format_version);
  fields.put(header.flags);
  fields.put(header.number);
  fields.put(header.first_sequence);
  fields.put(header.first_position);
  fields.put(header.created);
  fields.put(header.predecessor);
  seal(out, segment_magic);
}

result<segment_header> get_segment_header(std::span<const std::byte> bytes) {
  auto opened = open_header(bytes, segment_header::bytes, segment_magic);
  if (!opened)
    return opened.error();
  auto& reader = opened.value();
  segment_header header;
  header.flags = reader.take<std::uint16_t>();
  header.number = reader.take<std::uint32_t>();
  header.first_sequence = reader.take<std::uint64_t>();
  header.first_position = reader.take<std::uint64_t>();
  header.created = take_time(reader);
  header.predecessor = take_hash(reader);
  if (header.number > segment_number_max || header.first_sequence > count_max ||
      header.first_position > count_max)
    return errc::corrupt;
  return header;
}

void put(const block_header& header, std::span<std::byte, block_header::bytes> out) {
  field_writer fields{out.subspan(checked_from)};
  fields.put(format_version);
  fields.put(header.flags);
  fields.put(header.payload_bytes);
  fields.put(header.payload_checksum);
  fields.put(header.sequence);
  fields.put(header.first_position);
  fields.put(header.records);
  fields.put(header.contexts);
  fields.put(header.time_min);
  fields.put(header.time_max);
  fields.put(header.element_min);
  fields.put(header.element_max);
  fields.put(header.durable);
  fields.put(header.predecessor);
  seal(out, block_magic_text);
}

result<block_header> get_block_header(std::span<const std::byte> bytes) {
  auto opened = open_header(bytes, block_header::bytes, block_magic_text);
  if (!opened)
    return opened.error();
  auto& reader = opened.value();
  block_header header;
  header.flags = reader.take<std::uint16_t>();
  header.payload_bytes = reader.take<std::uint32_t>();
  header.payload_checksum = reader.take<std::uint64_t>();
  header.sequence = reader.take<std::uint64_t>();
  header.first_position = reader.take<std::uint64_t>();
  header.records = reader.take<std::uint32_t>();
  header.contexts = reader.take<std::uint32_t>();
  header.time_min = take_time(reader);
  header.time_max = take_time(reader);
  header.element_min = reader.take<std::uint64_t>();
  header.element_max = reader.take<std::uint64_t>();
  header.durable = reader.take<std::uint64_t>();
  header.predecessor = take_hash(reader);
  if (header.payload_bytes > payload_bytes_max || header.records == 0 || header.records > block_records_max ||
      header.contexts == 0 || header.contexts > block_contexts_max ||
      header.element_max >= element_limit * 2 || header.sequence > count_max ||
      header.first_position > count_max || header.durable > header.sequence)
    return errc::corrupt;
  return header;
}

std::string segment_name(std::uint32_t number) {
  return fmt::format("{}{:0{}}{}", name_prefix, number, name_digits, name_suffix);
}

std::string index_name(std::uint32_t number) {
  return fmt::format("{}{:08}.idx", name_prefix, number);
}

std::optional<std::uint32_t> segment_number(std::string_view name) {
  if (name.size() != name_prefix.size() + name_digits + name_suffix.size() ||
      !name.starts_with(name_prefix) || !name.ends_with(name_suffix))
    return std::nullopt;
  const auto digits = name.substr(name_prefix.size(), name_digits);
  if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  std::uint32_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

} // namespace forerun::provenance
