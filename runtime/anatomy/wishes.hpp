#pragma once
#include "runtime/anatomy/boot.hpp"
#include "runtime/base/block_set.hpp"

namespace forerun::anatomy {

/// Collects the blocks that a boot will want, in the order in which they are asked for.
class wishes {
public:
  wishes(const file_map& map, file_id root, std::uint64_t image_bytes)
      : map_(map), root_(root), image_bytes_(image_bytes), met_(map.files()) {}

  /// What mounting reads, and what looks for the traces of other file systems and of RAID.
  void mount();
  /// A file from its begin, at most `bytes` of it, after its inode and the directories that lead to it.
  void file(file_id file, boot_reason why, std::uint64_t bytes = std::numeric_limits<std::uint64_t>::max());
  std::vector<prediction> take() { return std::move(found_); }

private:
  void bytes(std::uint64_t offset, std::uint64_t length, boot_reason why);
  void way(file_id file);

  const file_map& map_;
  file_id root_;
  std::uint64_t image_bytes_;
  std::vector<bool> met_; ///< Files whose way was added.
  block_set blocks_;
  std::vector<prediction> found_;
};

} // namespace forerun::anatomy
