#pragma once
#include "runtime/anatomy/image_reader.hpp"
#include <vector>

namespace forerun::anatomy {

/// Where a file system may be.
struct partition {
  std::uint32_t number = 0;             ///< As the kernel counts them, from 1; 0 is the whole image.
  std::uint64_t offset = 0, length = 0; ///< In bytes, within the image.
  bool operator==(const partition&) const = default;
};

/// The partitions of an image with an MBR (logical ones are left out) or a GPT, or the whole image when it
/// has none. Sectors are of 512 bytes. What a table says and the image has not is left out. At most 128.
result<std::vector<partition>> find_partitions(image_reader& image);

} // namespace forerun::anatomy
