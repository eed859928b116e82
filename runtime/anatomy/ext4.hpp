#pragma once
#include "runtime/anatomy/file_map_builder.hpp"
#include "runtime/anatomy/partitions.hpp"

namespace forerun::anatomy {

/// Adds an ext2, ext3 or ext4 file system to a map, through libext2fs, which reads through `image` and cannot
/// write. Only its superblock is checked before the library sees it; the library is given sizes that fit the
/// image. Checksums are not looked at: what is damaged is found where it contradicts itself. The journal is
/// not replayed. Errors: `unsupported` when it is something else, or has a feature that the library does not
/// know; `corrupt`; `overloaded`, `cancelled`.
result<void> read_ext4(counted_reader& image, const partition& where, file_map_builder& into);

} // namespace forerun::anatomy
