#pragma once
#include "runtime/anatomy/boot.hpp"

namespace forerun::anatomy {

struct found_file {
  std::string path; ///< As of `file_map::path`.
  std::uint64_t bytes = 0;
  std::vector<extent> blocks; ///< Of the image, in the file's order. Small files may share one.
  bool operator==(const found_file&) const = default;
};

/// What looking into an image found, in the form in which it is kept: good for as long as the image has this
/// size and fingerprint.
struct findings {
  std::uint64_t image_bytes = 0;
  std::uint64_t fingerprint = 0;
  std::vector<prediction> boot;  ///< What `boot_prior` says; empty when nothing there can be booted.
  std::vector<found_file> files; ///< Regular files with content, in order of their first block.
};

/// A checksum over what is altered whenever a file system is: its superblocks, and the table of partitions.
/// One block or two of each. Errors: those of the reader.
result<std::uint64_t> fingerprint_of(image_reader& image);

/// Reads all that is worth knowing. Errors: as `map_files`; an image that cannot be booted is none.
result<findings> look_into(image_reader& image, const limits& bounds);

/// As bytes: docs/formats/files.md. Whoever keeps them adds a checksum.
std::vector<std::byte> encode(const findings& what);
/// Errors: `corrupt`, and `unsupported` for a version that this build does not know.
result<findings> decode_findings(std::span<const std::byte> bytes);

} // namespace forerun::anatomy
