#include "runtime/anatomy/partitions.hpp"
#include "runtime/base/bytes.hpp"
#include <algorithm>
#include <array>

namespace forerun::anatomy {
namespace {

constexpr std::uint64_t sector = 512;
constexpr std::uint32_t entries_max = 128;

/// Only where both ends lie within the image.
void add(std::vector<partition>& found, std::uint64_t image_bytes, std::uint32_t number, std::uint64_t first,
         std::uint64_t count) {
  const auto sectors = image_bytes / sector;
  if (count > 0 && first < sectors && count <= sectors - first)
    found.push_back({number, first * sector, count * sector});
}

/// The table that UEFI 2.10, section 5.3 lays down. Its checksums are not looked at: a wrong one only matters
/// when no file system is found where it points.
result<std::vector<partition>> read_gpt(image_reader& image) {
  std::array<std::byte, sector> header;
  if (auto read = image.read(sector, header); !read)
    return read.error();
  const auto table = get_number<std::uint64_t>(&header[72]);
  const auto entries = std::min(get_number<std::uint32_t>(&header[80]), entries_max);
  const auto entry_bytes = get_number<std::uint32_t>(&header[84]);
  if (std::memcmp(header.data(), "EFI PART", 8) != 0 || entry_bytes < 128 || entry_bytes > 4096 ||
      entries == 0 || table >= image.bytes() / sector)
    return errc::unsupported;
  std::vector<std::byte> rows(std::size_t{entries} * entry_bytes);
  if (auto read = image.read(table * sector, rows); !read)
    return read.error();
  std::vector<partition> found;
  for (std::uint32_t each = 0; each < entries; ++each) {
    const auto* row = &rows[std::size_t{each} * entry_bytes];
    const auto first = get_number<std::uint64_t>(row + 32), last = get_number<std::uint64_t>(row + 40);
    if (first > 0 && last >= first && last < image.bytes() / sector)
      add(found, image.bytes(), each + 1, first, last - first + 1);
  }
  return found;
}

} // namespace

result<std::vector<partition>> find_partitions(image_reader& image) {
  const std::vector<partition> whole{{0, 0, image.bytes()}};
  // A file system on the bare image leaves its first KiB to boot code, which may look like a table.
  std::array<std::byte, 4 * sector> head;
  if (image.bytes() < head.size())
    return whole;
  if (auto read = image.read(0, head); !read)
    return read.error();
  const auto bare = get_number<std::uint16_t>(&head[1024 + 56]) == 0xEF53;
  if (bare || get_number<std::uint16_t>(&head[510]) != 0xAA55)
    return whole;
  std::vector<partition> found;
  for (std::uint32_t each = 0; each < 4; ++each) {
    const auto* row = &head[446 + each * 16];
    const auto type = get_number<std::uint8_t>(row + 4);
    if (type == 0xEE)
      return read_gpt(image);
    if (type != 0)
      add(found, image.bytes(), each + 1, get_number<std::uint32_t>(row + 8),
          get_number<std::uint32_t>(row + 12));
  }
  return found.empty() ? whole : found;
}

} // namespace forerun::anatomy
