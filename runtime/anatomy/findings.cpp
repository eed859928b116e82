#include "runtime/anatomy/findings.hpp"
#include "runtime/anatomy/partitions.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/base/hash.hpp"
#include <algorithm>
#include <array>
#include <bit>

namespace forerun::anatomy {
namespace {

constexpr std::uint16_t version = 1;
constexpr std::uint64_t superblock_at = 1024, superblock_bytes = 1024;
constexpr std::size_t path_bytes_max = 8192;
constexpr std::uint64_t block_max = std::uint64_t{1} << 52;

void put_extent(byte_writer<>& out, extent where, std::uint64_t& last) {
  out.put_zigzag(static_cast<std::int64_t>(where.first - last));
  out.put_varint(where.count);
  last = where.end();
}

/// Nothing that is no extent of the image gets through.
std::optional<extent> take_extent(byte_reader<>& in, std::uint64_t& last, std::uint64_t blocks) {
  const auto first = last + static_cast<std::uint64_t>(in.take_zigzag());
  const auto count = in.take_varint();
  if (!in.ok() || count == 0 || count > std::numeric_limits<std::uint32_t>::max() || first >= blocks ||
      count > blocks - first)
    return std::nullopt;
  last = first + count;
  return extent{first, static_cast<std::uint32_t>(count)};
}

void add(std::vector<extent>& to, extent where) {
  if (!to.empty() && to.back().end() > where.first && to.back().first <= where.first) {
    const auto twice = std::min<std::uint64_t>(to.back().end() - where.first, where.count);
    where = {where.first + twice, static_cast<std::uint32_t>(where.count - twice)};
  }
  if (where.count == 0)
    return;
  if (!to.empty() && to.back().end() == where.first)
    to.back().count += where.count;
  else
    to.push_back(where);
}

} // namespace

result<std::uint64_t> fingerprint_of(image_reader& image) {
  auto partitions = find_partitions(image);
  if (!partitions)
    return partitions.error();
  std::vector<std::byte> seen;
  byte_writer<> out{seen};
  out.put(image.bytes());
  for (const auto& each : partitions.value()) {
    out.put(each.offset);
    out.put(each.length);
    std::array<std::byte, superblock_bytes> super{};
    if (each.length < superblock_at + superblock_bytes)
      continue;
    if (auto read = image.read(each.offset + superblock_at, super); !read)
      return read.error();
    out.put_bytes(super);
  }
  return checksum(seen);
}

result<findings> look_into(image_reader& image, const limits& bounds) {
  findings found{.image_bytes = image.bytes()};
  const auto fingerprint = fingerprint_of(image);
  if (!fingerprint)
    return fingerprint.error();
  found.fingerprint = fingerprint.value();
  const auto map = map_files(image, bounds);
  if (!map)
    return map.error();
  auto boot = boot_prior(map.value(), image, bounds);
  if (!boot && boot.error() != errc::not_found)
    return boot.error();
  if (boot)
    found.boot = std::move(boot).value();
  for (file_id file = 0; file < map.value().files(); ++file) {
    if (map.value()[file].kind != block_kind::file)
      continue;
    found_file each{map.value().path(file), map.value()[file].bytes, {}};
    for (const auto& piece : map.value().content(file))
      add(each.blocks, blocks_touched(piece.offset, piece.length));
    if (!each.blocks.empty() && each.path.size() <= path_bytes_max)
      found.files.push_back(std::move(each));
  }
  std::ranges::stable_sort(found.files, {}, [](const auto& each) { return each.blocks.front().first; });
  return found;
}

std::vector<std::byte> encode(const findings& what) {
  std::vector<std::byte> bytes;
  byte_writer<> out{bytes};
  out.put(version);
  out.put(what.image_bytes);
  out.put(what.fingerprint);
  out.put_varint(what.boot.size());
  std::uint64_t last = 0;
  for (const auto& each : what.boot) {
    put_extent(out, each.where, last);
    out.put(std::bit_cast<std::uint32_t>(each.probability));
    out.put_varint(each.detail);
  }
  out.put_varint(what.files.size());
  for (const auto& each : what.files) {
    out.put_varint(each.path.size());
    out.put_bytes(std::as_bytes(std::span(each.path)));
    out.put_varint(each.bytes);
    out.put_varint(each.blocks.size());
    for (const auto& where : each.blocks)
      put_extent(out, where, last);
  }
  return bytes;
}

result<findings> decode_findings(std::span<const std::byte> bytes) {
  byte_reader<> in{bytes};
  if (in.take<std::uint16_t>() != version)
    return in.ok() ? errc::unsupported : errc::corrupt;
  findings found;
  found.image_bytes = in.take<std::uint64_t>();
  found.fingerprint = in.take<std::uint64_t>();
  const auto blocks = std::min(blocks_of(found.image_bytes), block_max);
  std::uint64_t last = 0;
  for (auto left = in.take_varint(); left > 0 && in.ok(); --left) {
    const auto where = take_extent(in, last, blocks);
    const auto probability = std::bit_cast<float>(in.take<std::uint32_t>());
    const auto detail = in.take_varint();
    if (!where || !(probability > 0 && probability <= 1) || detail >= boot_reasons)
      return errc::corrupt;
    found.boot.push_back(
        {.where = *where, .probability = probability, .detail = static_cast<std::uint32_t>(detail)});
  }
  for (auto left = in.take_varint(); left > 0 && in.ok(); --left) {
    const auto length = in.take_varint();
    if (length > path_bytes_max)
      return errc::corrupt;
    const auto path = in.take_bytes(length);
    found_file each{{reinterpret_cast<const char*>(path.data()), path.size()}, in.take_varint(), {}};
    for (auto extents = in.take_varint(); extents > 0 && in.ok(); --extents) {
      const auto where = take_extent(in, last, blocks);
      if (!where)
        return errc::corrupt;
      each.blocks.push_back(*where);
    }
    if (!in.ok() || each.blocks.empty())
      return errc::corrupt;
    found.files.push_back(std::move(each));
  }
  if (!in.ok() || in.left() > 0)
    return errc::corrupt;
  return found;
}

} // namespace forerun::anatomy
