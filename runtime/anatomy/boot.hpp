#pragma once
#include "runtime/anatomy/file_map.hpp"
#include "runtime/base/prediction.hpp"

namespace forerun::anatomy {

/// Why a boot will want a block; the `detail` of a prediction.
enum class boot_reason : std::uint8_t {
  mount,    ///< The kernel reads it to mount the file system, or to see what the disk is.
  way,      ///< Directories and inodes on the way to what is wanted.
  program,  ///< A program that is started, its loader and its libraries.
  unit,     ///< What says what is to be started.
  settings, ///< What those programs read when they start.
  module,   ///< A module of the kernel.
  word,     ///< A program that a script names.
};
inline constexpr unsigned boot_reasons = 7;

std::string_view to_string(boot_reason reason);

/// What a boot of the image will read, before any was seen: from /sbin/init over systemd's units (else the
/// scripts of /etc/init.d) to the programs that these start, and over ELF's needs and scripts' first lines to
/// all that must be loaded for it. What is wanted first comes first; no block comes twice. `expected` and
/// `by` are left to the caller. Reads some heads of programs and the units, nearly all of which the boot will
/// read too. Errors: `not_found` when no file system has an init; `overloaded`, `cancelled`; those of the
/// reader.
result<std::vector<prediction>> boot_prior(const file_map& map, image_reader& image, const limits& bounds);

} // namespace forerun::anatomy
