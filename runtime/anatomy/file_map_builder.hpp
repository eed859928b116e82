#pragma once
#include "runtime/anatomy/file_map.hpp"
#include <absl/container/flat_hash_map.h>

namespace forerun::anatomy {

/// Collects what a file system holds, in any order, and makes a map of it. Every call that would go over a
/// limit fails with `overloaded`.
class file_map_builder {
public:
  explicit file_map_builder(const limits& bounds) : bounds_(bounds) {}

  result<file_id> add_file(const file_entry& entry);
  /// Empty ones are no piece. What continues the piece before it is joined to it.
  result<void> add_piece(const piece& each);
  result<void> add_name(file_id parent, std::string_view word, file_id file);
  result<void> set_target(file_id link, std::string_view target);
  void add_root(file_id directory) { map_.roots_.push_back(directory); }
  void add_problem() { ++map_.problems_; }
  /// Counts a step of a search that may be long and yet finds nothing.
  result<void> step();
  file_map finish();

private:
  result<file_map::text> keep(std::string_view word);
  void sort_pieces();
  void name_what_is_reached();

  const limits& bounds_;
  file_map map_;
  absl::flat_hash_map<std::string, file_map::text> words_;
  std::uint64_t steps_ = 0;
};

} // namespace forerun::anatomy
