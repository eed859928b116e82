#pragma once
#include "runtime/anatomy/elf.hpp"
#include "runtime/anatomy/wishes.hpp"

namespace forerun::anatomy {

/// Finds what must be loaded for a program to start, in the root file system of an image. At most 4096
/// programs and libraries are looked into, a million paths looked up and a million names listed; behind that
/// nothing is found.
class programs {
public:
  programs(const file_map& map, image_reader& image, file_id root, wishes& into);

  /// A program by its path, or by its name when it has no slash: itself, its interpreter, libraries; of a
  /// script also the programs that its words name. What is not there is no error. Errors: those of the
  /// reader.
  result<void> start(std::string_view path, boot_reason why = boot_reason::program);
  /// It will be started shortly, so its head may be fetched meanwhile.
  void announce(std::string_view path);
  /// A text of at most so many bytes; empty when it is longer or no file.
  result<std::string> text(file_id file, std::uint64_t bytes_max = 64 << 10);
  /// Wishes for a file, if there is one.
  void want(std::string_view path, boot_reason why);
  std::vector<std::string> names_in(std::string_view folder);
  /// Wishes for all files of a folder; returns their names.
  std::vector<std::string> want_all(std::string_view folder, boot_reason why);

private:
  result<void> script(file_id file, boot_reason why);
  result<void> load(file_id program, elf_facts facts, boot_reason why);
  std::optional<file_id> find(std::string_view path);
  std::optional<file_id> program_named(std::string_view path);
  std::vector<file_id> libraries_named(const std::string& name, const elf_facts& of, file_id user);
  bool look(file_id file);
  void announce(file_id file);

  const file_map& map_;
  image_reader& image_;
  file_id root_;
  wishes& into_;
  std::vector<std::string> folders_; ///< Where libraries are.
  std::vector<bool> looked_;
  unsigned looks_ = 0, scripts_open_ = 0;
  std::uint64_t lookups_left_ = 1'000'000, names_left_ = 1'000'000;
};

} // namespace forerun::anatomy
