#include "actors/node/metrics.hpp"
#include "runtime/control/metrics.hpp"
#include <caf/telemetry/collector/prometheus.hpp>

namespace forerun::actors {

std::string metrics_text(caf::actor_system& system, const control::node_status& node,
                         const std::vector<control::volume_row>& volumes,
                         const std::vector<control::actor_row>& actors) {
  caf::telemetry::collector::prometheus collector;
  collector.min_scrape_interval(caf::timespan{0});
  const auto library = collector.collect_from(system.metrics());
  return control::prometheus_text(node, volumes, actors).append(library.begin(), library.end());
}

} // namespace forerun::actors
