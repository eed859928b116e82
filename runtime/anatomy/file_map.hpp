#pragma once
#include "runtime/anatomy/image_reader.hpp"
#include "runtime/base/extent.hpp"
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace forerun::anatomy {

/// What a piece of an image is to its file system.
enum class block_kind : std::uint8_t {
  file,        ///< A regular file's content.
  directory,   ///< Names.
  symlink,     ///< The target of a long one.
  attributes,  ///< Extended attributes that have a block of their own.
  extent_tree, ///< Says where a file's content is (also ext2's indirect blocks).
  inode_table,
  bitmap,
  descriptors, ///< Superblocks and group descriptors, also the reserve for more of them.
  journal,
};
inline constexpr unsigned block_kinds = 9;

/// One word for tables, e.g. "inode_table".
std::string_view to_string(block_kind kind);

/// A file, directory or symbolic link: an index into its map.
using file_id = std::uint32_t;
inline constexpr file_id no_file = std::numeric_limits<file_id>::max();

/// A run of bytes of the image that belong together.
struct piece {
  std::uint64_t offset = 0, length = 0; ///< In the image.
  std::uint64_t at = 0;                 ///< Where in the file it is; 0 for what is no content.
  file_id file = no_file;               ///< Whose it is, for content, attributes and extent trees.
  block_kind kind = block_kind::file;
  bool operator==(const piece&) const = default;
};

struct file_entry {
  std::uint64_t bytes = 0;    ///< As long as it says it is.
  std::uint64_t inode_at = 0; ///< Where in the image its inode is.
  std::uint32_t inode = 0;
  std::uint32_t partition = 0; ///< As in `partition::number`.
  block_kind kind{};           ///< file, directory or symlink.
  bool operator==(const file_entry&) const = default;
};

/// Which block of an image belongs to which file, as of when it was read. A value that is made once and then
/// only asked. Some 70 bytes for a file, and 44 for a piece.
class file_map {
public:
  std::size_t files() const { return files_.size(); }
  const file_entry& operator[](file_id file) const { return files_[file]; }

  /// What most of a block's bytes belong to; nothing for free space.
  std::optional<piece> at(std::uint64_t block) const;
  /// Every piece, by offset; no two overlap.
  const std::vector<piece>& pieces() const { return pieces_; }
  /// A file's content, in the file's order; only the pieces that hold some of its bytes [from, to). Holes
  /// have no piece.
  std::vector<piece> content(file_id file, std::uint64_t from = 0,
                             std::uint64_t to = std::numeric_limits<std::uint64_t>::max()) const;

  /// "/usr/bin/true"; the first of its names if it has several; "p2:/usr/bin/true" when the image has more
  /// than one file system; "#12" after its inode when no directory knows it.
  std::string path(file_id file) const;
  /// The directory that its first name is in; nothing for a root and what no directory knows.
  std::optional<file_id> parent(file_id file) const;
  /// What a path leads to through directories and symbolic links, all in the file system that `root` is the
  /// root directory of. With `follow` a link at the end is followed as well.
  std::optional<file_id> find(file_id root, std::string_view path, bool follow = true) const;
  /// The names in a directory, sorted, with what they name.
  std::vector<std::pair<std::string_view, file_id>> names_in(file_id directory) const;
  /// Where a short symbolic link leads; empty for all else.
  std::string_view target(file_id link) const;
  /// The root directories, one for each file system that could be read.
  const std::vector<file_id>& roots() const { return roots_; }
  /// What was left out because it contradicts itself: inodes, directories, names.
  std::uint64_t problems() const { return problems_; }
  std::size_t memory() const;

private:
  friend class file_map_builder;
  struct text {
    std::uint32_t first = 0;
    std::uint32_t length = 0;
  };
  struct name {
    file_id parent = no_file, file = no_file;
    text word;
  };
  std::string_view view(text word) const { return std::string_view(words_).substr(word.first, word.length); }
  std::span<const name> children(file_id directory) const;
  std::optional<file_id> child(file_id directory, std::string_view word) const;

  std::vector<file_entry> files_;
  std::vector<std::uint32_t> named_; ///< For each file its first name, or none.
  std::vector<text> targets_;        ///< For each file; empty but for short links.
  std::vector<name> names_;          ///< By parent, then word.
  std::string words_;                ///< Every word once.
  std::vector<piece> pieces_;
  std::vector<std::uint32_t> by_file_; ///< Content's pieces, by file and place in it.
  std::vector<file_id> roots_;
  std::uint64_t problems_ = 0;
};

/// Reads what an image holds: its partitions, and of each ext2, ext3 or ext4 file system every inode and
/// directory. Nothing is written, and nothing outside the image is looked at. A file system's damage costs
/// what is damaged. Errors: `unsupported` when there is no file system that this knows; `corrupt`;
/// `overloaded` at a limit; `cancelled`; those of the reader.
result<file_map> map_files(image_reader& image, const limits& bounds);

/// Reads up to into.size() bytes of a file's content; holes are zeroes. Returns how many, less only at its
/// end. Errors: those of the reader.
result<std::size_t> read_content(const file_map& map, image_reader& image, file_id file, std::uint64_t offset,
                                 std::span<std::byte> into);

} // namespace forerun::anatomy
