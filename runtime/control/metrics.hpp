#pragma once
#include "runtime/control/values.hpp"
#include <string>
#include <vector>

namespace forerun::control {

/// So many volumes have figures of their own under /metrics; those of the others (last in order of name) are
/// added up under the label volume="(others)".
inline constexpr std::size_t metrics_volumes_max = 100;

/// The figures of a node in Prometheus' text format. docs/metrics.md is their manual; a test holds the two,
/// and the dashboard, together. Label values are escaped.
std::string prometheus_text(const node_status& node, const std::vector<volume_row>& volumes,
                            const std::vector<actor_row>& actors);

} // namespace forerun::control
