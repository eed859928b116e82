#pragma once
#include "runtime/anatomy/file_map.hpp"

namespace forerun::anatomy {

/// What a program needs before its first instruction, as the dynamic loader reads it (System V ABI, "Dynamic
/// Linking").
struct elf_facts {
  std::string interpreter;         ///< Empty: linked statically, or a library.
  std::vector<std::string> needed; ///< Names of libraries, or paths.
  std::vector<std::string> search; ///< RUNPATH, else RPATH, with $ORIGIN as it stands.
  std::uint64_t loaded_bytes =
      0;                     ///< From the file's begin to the end of what is mapped; debug data lies behind.
  std::uint16_t machine = 0; ///< EM_...
  bool wide = false;         ///< 64 bits.
};

/// Reads the head, the dynamic section and the names that it points to, a block of the file at a time; at
/// most 512 libraries and folders, names of at most 255 bytes. Errors: `unsupported` when the file is no ELF
/// program or library; `corrupt`; those of the reader.
result<elf_facts> read_elf(const file_map& map, image_reader& image, file_id file);

} // namespace forerun::anatomy
