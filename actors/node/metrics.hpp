#pragma once
#include "runtime/control/values.hpp"
#include <caf/all.hpp>
#include <string>
#include <vector>

namespace forerun::actors {

/// The node's figures as Prometheus text. Names, units and meanings: docs/operations.md. Labels are the names
/// of volumes, of which there are at most 1024.
std::string metrics_text(caf::actor_system& system, const control::node_status& node,
                         const std::vector<control::volume_row>& volumes,
                         const std::vector<control::actor_row>& actors);

} // namespace forerun::actors
