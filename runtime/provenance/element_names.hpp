#pragma once
#include "runtime/provenance/graph.hpp"

namespace forerun::provenance {

/// Finds under which names elements came into being: an ALLOCATE has the name as its value, and the newest
/// one counts. Keeps what it found. One thread.
class name_finder {
public:
  /// A name may cost a look at every record of its element, so there are at most `lookups_max` of them; then
  /// all further elements are without a name.
  name_finder(const record_source& from, std::size_t lookups_max) : from_(from), lookups_left_(lookups_max) {}

  /// Of all these elements; empty: the log does not know one. Errors: as the source's.
  result<std::string> name_of(element_kind kind, std::uint32_t space, extent where);

private:
  struct known {
    element_kind kind;
    std::uint32_t space;
    extent where;
    std::string name;
  };
  const record_source& from_;
  std::size_t lookups_left_;
  std::vector<known> known_; ///< At most one for each lookup.
};

/// Gives the elements of a graph, or of reads, their names, as far as the lookups go. If the source fails,
/// the rest stays without.
void add_names(graph& to, name_finder& names);
void add_names(read_origins& to, name_finder& names);

} // namespace forerun::provenance
