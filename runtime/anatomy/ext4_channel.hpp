#pragma once
#include "runtime/anatomy/image_reader.hpp"
#include "runtime/anatomy/partitions.hpp"
#include <ext2fs/ext2fs.h>
#include <memory>

namespace forerun::anatomy {

struct ext4_closer {
  void operator()(struct_ext2_filsys* fs) const { ext2fs_free(fs); }
};
using ext4_handle = std::unique_ptr<struct_ext2_filsys, ext4_closer>;

/// Opens a partition through libext2fs with an io_manager that reads from `image` and refuses to write. Both
/// outlive the handle. Errors: as read_ext4.
result<ext4_handle> open_ext4(counted_reader& image, const partition& where);

/// What a call of the library came to, in our words.
errc error_of(errcode_t code);

} // namespace forerun::anatomy
