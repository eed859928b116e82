#include "runtime/anatomy/ext4.hpp"
#include "runtime/anatomy/ext4_channel.hpp"
#include "runtime/base/bytes.hpp"
#include <algorithm>

namespace forerun::anatomy {
namespace {

/// Inode tables are read in pieces of this many file system blocks.
constexpr int inode_blocks_at_once = 64;

/// Directories that lie close to each other are read as one.
constexpr std::uint64_t gap_bytes_max = 16 << 10, read_bytes_max = 256 << 10;

/// Over a far origin so many reads are announced ahead, and of an inode table so much at once.
constexpr std::size_t reads_ahead = 16;
constexpr dgrp_t inode_tables_ahead = 2;
constexpr std::uint64_t announced_bytes = 1 << 20;

constexpr std::size_t name_bytes_max = 255;

class walk {
public:
  walk(counted_reader& image, const partition& where, ext2_filsys fs, file_map_builder& into)
      : image_(image), where_(where), fs_(fs), into_(into), block_size_(fs->blocksize) {}

  result<void> all() {
    if (auto done = groups(); !done)
      return done;
    if (auto done = inodes(); !done)
      return done;
    const auto root = by_inode_.find(EXT2_ROOT_INO);
    if (root == by_inode_.end() || !root->second.directory)
      return errc::corrupt;
    if (auto done = directories(); !done)
      return done;
    into_.add_root(root->second.file);
    return success();
  }

private:
  struct known {
    file_id file = no_file;
    bool directory = false;
  };

  bool inside(std::uint64_t block, std::uint64_t count) const {
    const auto blocks = ext2fs_blocks_count(fs_->super);
    return block >= fs_->super->s_first_data_block && block < blocks && count <= blocks - block;
  }

  /// What lies outside the file system is a problem of the image's, and left out.
  result<void> own(block_kind kind, std::uint64_t block, std::uint64_t count, file_id file = no_file,
                   std::uint64_t at_block = 0) {
    if (count == 0)
      return success();
    if (!inside(block, count)) {
      into_.add_problem();
      return success();
    }
    const piece each{where_.offset + block * block_size_, count * block_size_, at_block * block_size_, file,
                     kind};
    if (kind == block_kind::directory)
      folders_.push_back(each);
    return into_.add_piece(each);
  }

  result<void> groups() {
    // With blocks of 1 KiB the first one is before the superblock's, and nobody's.
    for (dgrp_t group = 0; group < fs_->group_desc_count; ++group) {
      blk64_t super = 0, old_table = 0, new_table = 0;
      blk_t used = 0;
      if (auto step = into_.step(); !step)
        return step;
      if (ext2fs_super_and_bgd_loc2(fs_, group, &super, &old_table, &new_table, &used) != 0)
        return errc::corrupt;
      const auto has_super = ext2fs_bg_has_super(fs_, static_cast<dgrp_t>(group)) != 0;
      const std::uint64_t old_blocks =
          ext2fs_has_feature_meta_bg(fs_->super) ? fs_->super->s_first_meta_bg : fs_->desc_blocks;
      for (const auto& [kind, block, count] :
           {std::tuple(block_kind::descriptors, super, std::uint64_t{has_super ? 1u : 0u}),
            std::tuple(block_kind::descriptors, old_table, old_table != 0 ? old_blocks : 0),
            std::tuple(block_kind::descriptors, new_table, std::uint64_t{new_table != 0 ? 1u : 0u}),
            std::tuple(block_kind::bitmap, ext2fs_block_bitmap_loc(fs_, group), std::uint64_t{1}),
            std::tuple(block_kind::bitmap, ext2fs_inode_bitmap_loc(fs_, group), std::uint64_t{1}),
            std::tuple(block_kind::inode_table, ext2fs_inode_table_loc(fs_, group),
                       std::uint64_t{fs_->inode_blocks_per_group})})
        if (auto done = own(kind, block, count); !done)
          return done;
    }
    return success();
  }

  /// The inodes of a group that were ever used.
  void announce_inodes(dgrp_t group) {
    if (group >= fs_->group_desc_count || ext2fs_bg_flags_test(fs_, group, EXT2_BG_INODE_UNINIT) != 0)
      return;
    const std::uint64_t inodes = fs_->super->s_inodes_per_group;
    const auto unused = ext2fs_has_group_desc_csum(fs_)
                            ? std::min<std::uint64_t>(inodes, ext2fs_bg_itable_unused(fs_, group))
                            : 0;
    const auto from = where_.offset + ext2fs_inode_table_loc(fs_, group) * block_size_;
    const auto length = (inodes - unused) * EXT2_INODE_SIZE(fs_->super);
    for (std::uint64_t at = 0; at < length; at += announced_bytes)
      image_.soon(from + at, std::min(announced_bytes, length - at));
  }

  result<void> inodes() {
    ext2_inode_scan scan = nullptr;
    if (const auto code = ext2fs_open_inode_scan(fs_, inode_blocks_at_once, &scan); code != 0)
      return image_.usable() ? result<void>(error_of(code)) : image_.usable();
    const std::unique_ptr<ext2_struct_inode_scan, void (*)(ext2_inode_scan)> closing(scan,
                                                                                     ext2fs_close_inode_scan);
    dgrp_t announced = 0;
    for (ext2_ino_t number = 0;;) {
      ext2_inode inode{};
      const auto group = number / std::max(1u, fs_->super->s_inodes_per_group);
      for (; announced <= group + inode_tables_ahead; ++announced)
        announce_inodes(announced);
      const auto code = ext2fs_get_next_inode(scan, &number, &inode);
      if (auto usable = image_.usable(); !usable)
        return usable;
      if (auto step = into_.step(); !step)
        return step;
      if (code == EXT2_ET_BAD_BLOCK_IN_INODE_TABLE || code == EXT2_ET_INODE_CSUM_INVALID) {
        into_.add_problem();
        continue;
      }
      if (code != 0)
        return error_of(code);
      if (number == 0)
        return success();
      if (auto done = add(number, inode); !done)
        return done;
    }
  }

  result<void> add(ext2_ino_t number, ext2_inode& inode) {
    if (number == EXT2_JOURNAL_INO || number == EXT2_RESIZE_INO)
      return content(number, inode, no_file,
                     number == EXT2_JOURNAL_INO ? block_kind::journal : block_kind::descriptors);
    if (inode.i_links_count == 0 || (number < EXT2_FIRST_INODE(fs_->super) && number != EXT2_ROOT_INO))
      return success();
    const auto directory = LINUX_S_ISDIR(inode.i_mode), link = LINUX_S_ISLNK(inode.i_mode);
    if (!directory && !link && !LINUX_S_ISREG(inode.i_mode))
      return success();
    const auto kind = directory ? block_kind::directory : link ? block_kind::symlink : block_kind::file;
    const auto file = into_.add_file({EXT2_I_SIZE(&inode), place_of(number), number, where_.number, kind});
    if (!file)
      return file.error();
    by_inode_.emplace(number, known{file.value(), directory});
    if (const auto attributes = ext2fs_file_acl_block(fs_, &inode); attributes != 0)
      if (auto done = own(block_kind::attributes, attributes, 1, file.value()); !done)
        return done;
    if (link && inode.i_size < sizeof inode.i_block && inode.i_blocks == 0)
      return into_.set_target(file.value(), {reinterpret_cast<const char*>(inode.i_block), inode.i_size});
    return content(number, inode, file.value(), kind);
  }

  std::uint64_t place_of(ext2_ino_t number) const {
    const auto per_group = fs_->super->s_inodes_per_group;
    return where_.offset + ext2fs_inode_table_loc(fs_, (number - 1) / per_group) * block_size_ +
           std::uint64_t{(number - 1) % per_group} * EXT2_INODE_SIZE(fs_->super);
  }

  result<void> content(ext2_ino_t number, ext2_inode& inode, file_id file, block_kind kind) {
    if ((inode.i_flags & EXT4_INLINE_DATA_FL) != 0) {
      // It has no block of its own. A directory's names are lost with that; mke2fs makes such only if asked
      // to.
      if (kind == block_kind::directory)
        into_.add_problem();
      return success();
    }
    if ((inode.i_flags & EXT4_EXTENTS_FL) != 0)
      return extents(number, inode, file, kind);
    const auto empty =
        std::all_of(std::begin(inode.i_block), std::end(inode.i_block), [](auto it) { return it == 0; });
    return empty ? success() : block_list(number, file, kind);
  }

  result<void> extents(ext2_ino_t number, ext2_inode& inode, file_id file, block_kind kind) {
    ext2_extent_handle_t opened = nullptr;
    if (ext2fs_extent_open2(fs_, number, &inode, &opened) != 0) {
      into_.add_problem();
      return image_.usable();
    }
    const std::unique_ptr<ext2_extent_handle, void (*)(ext2_extent_handle_t)> closing(opened,
                                                                                      ext2fs_extent_free);
    for (int move = EXT2_EXTENT_ROOT;; move = EXT2_EXTENT_NEXT) {
      ext2fs_extent each{};
      const auto code = ext2fs_extent_get(opened, move, &each);
      if (auto usable = image_.usable(); !usable)
        return usable;
      if (auto step = into_.step(); !step)
        return step;
      if (code == EXT2_ET_EXTENT_NO_NEXT || code == EXT2_ET_NO_CURRENT_NODE)
        return success();
      if (code != 0) {
        into_.add_problem();
        return success();
      }
      if ((each.e_flags & EXT2_EXTENT_FLAGS_SECOND_VISIT) != 0)
        continue;
      const auto leaf = (each.e_flags & EXT2_EXTENT_FLAGS_LEAF) != 0;
      auto done = leaf ? own(kind, each.e_pblk, each.e_len, file, each.e_lblk)
                       : own(tree_of(kind), each.e_pblk, 1, file);
      if (!done)
        return done;
    }
  }

  static block_kind tree_of(block_kind kind) {
    return kind == block_kind::journal || kind == block_kind::descriptors ? kind : block_kind::extent_tree;
  }

  struct block_walk {
    walk* self;
    file_id file;
    block_kind kind;
    result<void> done = success();
  };

  /// ext2's way: direct and indirect blocks, one by one.
  result<void> block_list(ext2_ino_t number, file_id file, block_kind kind) {
    block_walk state{this, file, kind};
    const auto each = [](ext2_filsys, blk64_t* block, e2_blkcnt_t at, blk64_t, int, void* to) {
      auto& it = *static_cast<block_walk*>(to);
      it.done = it.self->into_.step();
      if (it.done)
        it.done = at < 0 ? it.self->own(tree_of(it.kind), *block, 1, it.file)
                         : it.self->own(it.kind, *block, 1, it.file, static_cast<std::uint64_t>(at));
      return it.done ? 0 : BLOCK_ABORT;
    };
    if (ext2fs_block_iterate3(fs_, number, BLOCK_FLAG_READ_ONLY, nullptr, each, &state) != 0)
      into_.add_problem();
    return image_.usable() ? state.done : image_.usable();
  }

  result<void> directories() {
    std::sort(folders_.begin(), folders_.end(),
              [](const piece& left, const piece& right) { return left.offset < right.offset; });
    std::vector<std::byte> bytes;
    for (std::size_t from = 0, to = 0, announced = 0; from < folders_.size(); from = to) {
      for (; announced < std::min(folders_.size(), to + reads_ahead); ++announced)
        image_.soon(folders_[announced].offset, folders_[announced].length);
      const auto start = folders_[from].offset;
      auto end = start;
      for (; to < folders_.size() &&
             (to == from || (folders_[to].offset <= end + gap_bytes_max &&
                             folders_[to].offset + folders_[to].length - start <= read_bytes_max));
           ++to)
        end = std::max(end, folders_[to].offset + folders_[to].length);
      if (end - start > image_.bounds().bytes_read_max - image_.bytes_read())
        return errc::overloaded;
      bytes.resize(end - start);
      if (auto done = image_.read(start, bytes); !done)
        return image_.usable() ? result<void>(errc::corrupt) : done;
      for (auto each = from; each < to; ++each)
        for (std::uint64_t at = 0; at < folders_[each].length; at += block_size_)
          if (auto done = names(folders_[each].file,
                                std::span(bytes).subspan(folders_[each].offset - start + at, block_size_));
              !done)
            return done;
    }
    return success();
  }

  /// One block of a directory. Those of a hashed one look like entries that are not in use.
  result<void> names(file_id directory, std::span<const std::byte> block) {
    constexpr std::size_t head = 8;
    while (block.size() > head) {
      const auto inode = get_number<std::uint32_t>(block.data());
      std::size_t length = get_number<std::uint16_t>(block.data() + 4);
      const auto name_bytes = std::size_t{get_number<std::uint8_t>(block.data() + 6)};
      // In blocks of 64 KiB a length of all of it does not fit its field.
      if (block_size_ == 65536 && (length == 0 || length == 65535))
        length = block.size();
      if (length < head || length > block.size() || length % 4 != 0 || name_bytes > length - head) {
        into_.add_problem();
        return success();
      }
      const std::string_view word(reinterpret_cast<const char*>(block.data() + head), name_bytes);
      if (auto done = add_name(directory, inode, word); !done)
        return done;
      block = block.subspan(length);
    }
    return success();
  }

  result<void> add_name(file_id directory, ext2_ino_t inode, std::string_view word) {
    if (auto step = into_.step(); !step)
      return step;
    if (inode == 0 || word == "." || word == "..")
      return success();
    if (word.empty() || word.size() > name_bytes_max || word.find_first_of({"/\0", 2}) != word.npos) {
      into_.add_problem();
      return success();
    }
    // A device or a socket is no file to us.
    const auto found = by_inode_.find(inode);
    return found == by_inode_.end() ? success() : into_.add_name(directory, word, found->second.file);
  }

  counted_reader& image_;
  const partition& where_;
  ext2_filsys fs_;
  file_map_builder& into_;
  std::uint64_t block_size_;
  absl::flat_hash_map<ext2_ino_t, known> by_inode_;
  std::vector<piece> folders_;
};

} // namespace

result<void> read_ext4(counted_reader& image, const partition& where, file_map_builder& into) {
  const auto opened = open_ext4(image, where);
  if (auto usable = image.usable(); !usable)
    return usable;
  if (!opened)
    return opened.error();
  return walk(image, where, opened.value().get(), into).all();
}

} // namespace forerun::anatomy
