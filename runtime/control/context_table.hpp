#pragma once
#include "runtime/provenance/record.hpp"
#include <absl/container/flat_hash_map.h>
#include <vector>

namespace forerun::control {

/// Inside runtime/control only: the contexts of so many rows, each once, and for each row which it has.
/// Points at what `who_of` gives.
struct context_table {
  std::vector<const provenance::context*> contexts;
  std::vector<std::uint32_t> of_row;

  template <class WhoOf> context_table(std::size_t rows, WhoOf who_of) {
    absl::flat_hash_map<provenance::context, std::uint32_t> known_ones;
    of_row.reserve(rows);
    for (std::size_t i = 0; i < rows; ++i) {
      const provenance::context& who = who_of(i);
      if (i > 0 && who == *contexts[of_row.back()]) {
        of_row.push_back(of_row.back());
        continue;
      }
      const auto [found, added] = known_ones.try_emplace(who, static_cast<std::uint32_t>(contexts.size()));
      if (added)
        contexts.push_back(&who);
      of_row.push_back(found->second);
    }
  }
};

} // namespace forerun::control
