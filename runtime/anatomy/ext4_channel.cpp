#include "runtime/anatomy/ext4_channel.hpp"
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

namespace forerun::anatomy {
namespace {

/// What the library is given as the name of the device: it only has a text to hand to the io_manager.
struct device {
  counted_reader* image;
  partition where;
};

struct channel {
  struct_io_channel base{};
  device from;
};

errcode_t read_blocks(io_channel base, unsigned long long block, int count, void* into) {
  const auto& from = reinterpret_cast<channel*>(base)->from;
  const auto block_size = static_cast<std::uint64_t>(base->block_size);
  // A negative count is one of bytes.
  const auto bytes = count < 0 ? static_cast<std::uint64_t>(-std::int64_t{count}) : count * block_size;
  if (block > from.where.length / block_size || bytes > from.where.length - block * block_size)
    return EXT2_ET_SHORT_READ;
  const auto done = from.image->read(from.where.offset + block * block_size,
                                     {static_cast<std::byte*>(into), static_cast<std::size_t>(bytes)});
  return done ? 0 : EXT2_ET_SHORT_READ;
}

errcode_t read_blocks_32(io_channel base, unsigned long block, int count, void* into) {
  return read_blocks(base, block, count, into);
}

errcode_t refuse_write(io_channel, unsigned long, int, const void*) {
  return EXT2_ET_RO_FILSYS;
}

errcode_t refuse_write_64(io_channel, unsigned long long, int, const void*) {
  return EXT2_ET_RO_FILSYS;
}

errcode_t set_block_size(io_channel base, int size) {
  base->block_size = size;
  return size > 0 ? 0 : EXT2_ET_INVALID_ARGUMENT;
}

errcode_t nothing_to_flush(io_channel) {
  return 0;
}

errcode_t close_channel(io_channel base) {
  delete reinterpret_cast<channel*>(base);
  return 0;
}

errcode_t open_channel(const char* name, int flags, io_channel* opened);

struct_io_manager make_manager() {
  struct_io_manager manager{};
  manager.magic = EXT2_ET_MAGIC_IO_MANAGER;
  manager.name = "forerun image";
  manager.open = open_channel;
  manager.close = close_channel;
  manager.set_blksize = set_block_size;
  manager.read_blk = read_blocks_32;
  manager.read_blk64 = read_blocks;
  manager.write_blk = refuse_write;
  manager.write_blk64 = refuse_write_64;
  manager.flush = nothing_to_flush;
  return manager;
}

struct_io_manager the_manager = make_manager();

errcode_t open_channel(const char* name, int /*flags*/, io_channel* opened) {
  std::uintptr_t address = 0;
  std::from_chars(name, name + std::strlen(name), address);
  auto made = std::make_unique<channel>();
  made->from = *reinterpret_cast<const device*>(address);
  made->base.magic = EXT2_ET_MAGIC_IO_CHANNEL;
  made->base.manager = &the_manager;
  made->base.block_size = SUPERBLOCK_SIZE;
  made->base.refcount = 1;
  *opened = &made.release()->base;
  return 0;
}

/// The sizes that the library computes with, and takes memory by, have to fit each other and the image.
result<void> check_superblock(counted_reader& image, const partition& where) {
  struct ext2_super_block super;
  static_assert(sizeof super == SUPERBLOCK_SIZE);
  if (where.length < SUPERBLOCK_OFFSET + sizeof super)
    return errc::unsupported;
  auto read = image.read(where.offset + SUPERBLOCK_OFFSET, std::as_writable_bytes(std::span(&super, 1)));
  if (!read)
    return read;
  if (super.s_magic != EXT2_SUPER_MAGIC)
    return errc::unsupported;
  const auto incompatible = super.s_feature_incompat;
  if ((incompatible & EXT3_FEATURE_INCOMPAT_JOURNAL_DEV) != 0 ||
      (super.s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_BIGALLOC) != 0)
    return errc::unsupported;
  const bool wide = (incompatible & EXT4_FEATURE_INCOMPAT_64BIT) != 0;
  if (super.s_log_block_size > 6)
    return errc::corrupt;
  const std::uint64_t block_size = EXT2_MIN_BLOCK_SIZE << super.s_log_block_size;
  const std::uint64_t blocks =
      super.s_blocks_count | (wide ? std::uint64_t{super.s_blocks_count_hi} << 32 : 0);
  const auto per_group = super.s_blocks_per_group, inodes_per_group = super.s_inodes_per_group;
  if (blocks == 0 || blocks > where.length / block_size || super.s_first_data_block >= blocks ||
      per_group < 8 || per_group > block_size * 8 || inodes_per_group == 0 ||
      inodes_per_group > block_size * 8)
    return errc::corrupt;
  const auto groups = (blocks - super.s_first_data_block + per_group - 1) / per_group;
  if (groups * inodes_per_group != super.s_inodes_count)
    return errc::corrupt;
  const std::uint64_t descriptor = wide ? super.s_desc_size : EXT2_MIN_DESC_SIZE;
  const std::uint64_t inode = super.s_rev_level == 0 ? EXT2_GOOD_OLD_INODE_SIZE : super.s_inode_size;
  if (!std::has_single_bit(descriptor) || descriptor < EXT2_MIN_DESC_SIZE || descriptor > block_size ||
      !std::has_single_bit(inode) || inode < EXT2_GOOD_OLD_INODE_SIZE || inode > block_size)
    return errc::corrupt;
  if (super.s_inodes_count > image.bounds().inodes_max ||
      groups * descriptor > image.bounds().bytes_read_max - image.bytes_read())
    return errc::overloaded;
  return success();
}

} // namespace

errc error_of(errcode_t code) {
  switch (code) {
  case EXT2_ET_BAD_MAGIC:
  case EXT2_ET_UNSUPP_FEATURE:
  case EXT2_ET_RO_UNSUPP_FEATURE:
  case EXT2_ET_REV_TOO_HIGH:
    return errc::unsupported;
  case EXT2_ET_NO_MEMORY:
    return errc::overloaded;
  default:
    return errc::corrupt;
  }
}

result<ext4_handle> open_ext4(counted_reader& image, const partition& where) {
  if (auto sane = check_superblock(image, where); !sane)
    return sane.error();
  const device from{&image, where};
  const auto name = std::to_string(reinterpret_cast<std::uintptr_t>(&from));
  ext2_filsys fs = nullptr;
  const auto flags = EXT2_FLAG_64BITS | EXT2_FLAG_IGNORE_CSUM_ERRORS | EXT2_FLAG_SKIP_MMP;
  const auto code = ext2fs_open2(name.c_str(), nullptr, flags, 0, 0, &the_manager, &fs);
  if (code != 0)
    return error_of(code);
  return ext4_handle(fs);
}

} // namespace forerun::anatomy
