#include "runtime/anatomy/wishes.hpp"
#include <algorithm>
#include <array>

namespace forerun::anatomy {
namespace {

/// How many of the blocks of each kind were read, in boots of a Debian 12 with systemd (docs/anatomy.md).
constexpr std::array<float, boot_reasons> probabilities{0.95f, 0.9f, 0.95f, 0.95f, 0.85f, 0.9f, 0.4f};

/// More than a boot reads; what is wished for behind it is left out.
constexpr std::uint64_t blocks_max = (256 << 20) / block_bytes;

/// libblkid looks at the last half MiB.
constexpr std::uint64_t tail_bytes = 512 << 10;

/// ext4 reads inode tables ahead by so much, aligned (inode_readahead_blks).
constexpr std::uint64_t inode_window_bytes = 32 * block_bytes;

/// Lookups in a hashed directory read a few of its blocks; smaller ones are read whole.
constexpr std::uint64_t directory_bytes_max = 8 * block_bytes;

} // namespace

void wishes::bytes(std::uint64_t offset, std::uint64_t length, boot_reason why) {
  const auto probability = probabilities[static_cast<std::size_t>(why)];
  const auto blocks = blocks_touched(offset, length);
  for (auto block = blocks.first; block < blocks.end() && blocks_.size() < blocks_max; ++block) {
    if (!blocks_.insert(block))
      continue;
    if (!found_.empty() && found_.back().where.end() == block &&
        found_.back().detail == static_cast<std::uint32_t>(why))
      ++found_.back().where.count;
    else
      found_.push_back(
          {.where = {block, 1}, .probability = probability, .detail = static_cast<std::uint32_t>(why)});
  }
}

void wishes::mount() {
  bytes(image_bytes_ - std::min(image_bytes_, tail_bytes), std::min(image_bytes_, tail_bytes),
        boot_reason::mount);
  // With flexible groups the tables and bitmaps of the first groups lie side by side.
  for (const auto& each : map_.pieces())
    if (each.kind == block_kind::inode_table)
      break;
    else if (each.kind == block_kind::descriptors || each.kind == block_kind::bitmap)
      bytes(each.offset, each.length, boot_reason::mount);
  way(root_);
}

void wishes::way(file_id file) {
  std::vector<file_id> up;
  for (auto each = std::optional(file); each && !met_[*each]; each = map_.parent(*each)) {
    met_[*each] = true;
    up.push_back(*each);
  }
  for (auto each = up.rbegin(); each != up.rend(); ++each) {
    const auto from = map_[*each].inode_at / inode_window_bytes * inode_window_bytes;
    const auto to = from + inode_window_bytes;
    const auto& pieces = map_.pieces();
    const auto table = std::partition_point(pieces.begin(), pieces.end(), [&](const piece& it) {
      return it.offset + it.length <= map_[*each].inode_at;
    });
    if (table != pieces.end() && table->kind == block_kind::inode_table &&
        table->offset <= map_[*each].inode_at) {
      const auto first = std::max(from, table->offset);
      bytes(first, std::min(to, table->offset + table->length) - first, boot_reason::way);
    }
    if (map_[*each].kind == block_kind::directory)
      for (const auto& it : map_.content(*each))
        if (it.at < directory_bytes_max)
          bytes(it.offset, std::min(it.length, directory_bytes_max - it.at), boot_reason::way);
  }
}

void wishes::file(file_id file, boot_reason why, std::uint64_t most) {
  way(file);
  if (map_[file].kind != block_kind::file)
    return;
  most = std::min(most, map_[file].bytes);
  for (const auto& each : map_.content(file))
    if (each.at < most)
      bytes(each.offset, std::min(each.length, most - each.at), why);
}

} // namespace forerun::anatomy
