#pragma once
#include "runtime/provenance/graph.hpp"

/// A graph for other programs; docs/formats/provenance-exports.md says what stands where. Text: some 400
/// bytes for each node and edge, 8 KiB with the longest names, so the limits of the graph are its limits. Any
/// thread.
namespace forerun::provenance {

/// What a node is called in exports, e.g. "forerun:block/3/5-12@1041".
std::string id_of(const node& what);

/// PROV-JSON (https://www.w3.org/submissions/prov-json/).
std::string to_prov_json(const graph& what);

/// GraphViz, drawn as is the custom for PROV: entities yellow and round, activities blue boxes, agents orange
/// houses.
std::string to_dot(const graph& what);

/// One line for each edge, as JSON objects, or as CSV under a heading.
std::string to_json_lines(const graph& what);
std::string to_csv(const graph& what);

} // namespace forerun::provenance
