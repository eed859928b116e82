#pragma once
#include "runtime/provenance/graph.hpp"
#include <string>

/// Questions about where data comes from, and what came of it.
namespace forerun::control {

/// What a tool may ask for at most; `provenance::graph_limits` has what it gets unless it asks. With the
/// longest names such a graph takes 6 MiB on the wire.
inline constexpr std::size_t graph_nodes_most = 4096;
inline constexpr std::size_t graph_edges_per_node = 10;
inline constexpr std::size_t graph_depth_most = 4096;
inline constexpr std::uint64_t graph_records_most = 1'000'000;
inline constexpr std::size_t origin_reads_max = 1024; ///< Of one answer.
/// Looked at for one answer: a read of the largest request, each block from another writer, has room.
inline constexpr std::size_t origin_records_max = 65536;
/// After so long, counted from the question, the node gives it up. Each waits for those before it.
inline constexpr std::chrono::seconds lineage_time_max{60};

enum class graph_search : std::uint8_t { ancestors = 0, descendants, path };
inline constexpr auto graph_search_last = graph_search::path;

/// The version of an element that a reader at position `before` would meet; 0: the element as it began.
struct asked_version {
  provenance::element of{};
  std::string volume; ///< Its name, instead of kind and space; empty: as the element says.
  std::uint64_t before = std::numeric_limits<std::uint64_t>::max();
  bool operator==(const asked_version&) const = default;
};

struct graph_question {
  graph_search what = graph_search::ancestors;
  asked_version of;   ///< Of a path, the later end.
  asked_version from; ///< Of a path only: the earlier end.
  provenance::graph_limits limits;
};

/// Leaves out the oldest reads, as far as an answer has no room for them, and says so in it. Errors:
/// `overloaded` (there is none for the newest).
result<void> fit(provenance::read_origins& what);
inline constexpr std::size_t origins_bytes_max = 6u << 20; ///< Of an answer, about.

} // namespace forerun::control
