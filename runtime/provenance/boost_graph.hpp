#pragma once
#include "runtime/provenance/graph.hpp"
#include <boost/graph/adjacency_list.hpp>

namespace forerun::provenance {

/// The same graph for the algorithms of Boost.Graph; vertices have the indexes of the nodes, edges stand in
/// the same order. Apart from graph.hpp because it takes long to compile.
using boost_graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS, node, edge>;

boost_graph as_boost(const graph& from);

} // namespace forerun::provenance
