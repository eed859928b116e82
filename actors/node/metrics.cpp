#include "actors/node/metrics.hpp"
#include <caf/telemetry/collector/prometheus.hpp>

namespace forerun::actors {

namespace {

class writer {
public:
  explicit writer(caf::telemetry::metric_registry& to) : registry_(to) {}

  /// A counter only grows; a restarted actor counts from 0 again and then adds nothing until it is past.
  void counter(const char* what, const char* help, const char* unit, const std::string& volume,
               double value) {
    auto* metric = registry_.counter_family<double>("forerun", what, {"volume"}, help, unit, true)
                       ->get_or_add({{"volume", volume}});
    if (value > metric->value())
      metric->inc(value - metric->value());
  }
  void gauge(const char* what, const char* help, const char* unit, const std::string& volume, double value) {
    registry_.gauge_family<double>("forerun", what, {"volume"}, help, unit)
        ->get_or_add({{"volume", volume}})
        ->value(value);
  }
  void node_counter(const char* what, const char* help, const char* unit, double value) {
    auto* metric = registry_.counter_singleton<double>("forerun", what, help, unit, true);
    if (value > metric->value())
      metric->inc(value - metric->value());
  }
  void node_gauge(const char* what, const char* help, const char* unit, double value) {
    registry_.gauge_singleton<double>("forerun", what, help, unit)->value(value);
  }
  void restarts(const std::string& kind, double value) {
    auto* metric =
        registry_
            .counter_family<double>("forerun", "actor-restarts", {"actor"},
                                    "Actors that ended with an error and were made anew.", "1", true)
            ->get_or_add({{"actor", kind}});
    if (value > metric->value())
      metric->inc(value - metric->value());
  }

private:
  caf::telemetry::metric_registry& registry_;
};

void volume_metrics(writer& out, const control::volume_row& row) {
  const auto& of = row.counters;
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  out.counter("reads", "Read requests.", "1", row.name, number(of.reads));
  out.counter("writes", "Write requests.", "1", row.name, number(of.writes));
  out.counter("hits", "Reads that found everything local.", "1", row.name, number(of.hits));
  out.counter("late", "Reads that waited for a prefetch under way.", "1", row.name, number(of.late));
  out.counter("misses", "Reads that waited for a fetch on demand.", "1", row.name, number(of.misses));
  out.counter("stall", "Time that reads waited for the origin.", "seconds", row.name, of.stall_seconds);
  out.counter("distinct-read", "Different blocks read.", "bytes", row.name, number(of.distinct_read_bytes));
  out.counter("origin", "Fetched from the origin for the volume's image.", "bytes", row.name,
              number(of.origin_bytes));
  out.counter("prefetched", "Blocks of the image that were moved early.", "blocks", row.name,
              number(of.prefetched_blocks));
  out.counter("prefetch-used", "Of those, read since.", "blocks", row.name, number(of.used_blocks));
  out.counter("prefetch-waste", "Of those, evicted, overwritten or overdue without a read.", "blocks",
              row.name, number(of.waste_blocks));
  out.gauge("accuracy", "Used share of what was prefetched.", "ratio", row.name, of.accuracy);
  out.gauge("coverage", "Share of the blocks needed from the origin that prefetch had moved.", "ratio",
            row.name, of.coverage);
  out.gauge("overlay", "Written blocks on local disk.", "bytes", row.name, number(row.overlay_bytes));
  out.gauge("connections", "NBD clients.", "1", row.name, row.connections);
}

void node_metrics(writer& out, const control::node_status& of) {
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  out.node_gauge("uptime", "Since the node started.", "seconds",
                 std::chrono::duration<double>(of.uptime).count());
  out.node_gauge("pool-used", "Of the memory tier.", "bytes", number(of.pool_used_bytes));
  out.node_gauge("pool-limit", "Of the memory tier.", "bytes", number(of.pool_limit_bytes));
  out.node_gauge("disk-used", "Clean blocks on local disk.", "bytes", number(of.disk_used_bytes));
  out.node_gauge("disk-limit", "Clean blocks on local disk.", "bytes", number(of.disk_limit_bytes));
  out.node_gauge("prefetch-queue-depth", "Predictions that wait.", "1", number(of.prefetch.queue_depth));
  out.node_gauge("prefetch-in-flight", "On their way from origins, demand included.", "bytes",
                 number(of.prefetch.in_flight_bytes));
  out.node_gauge("prefetch-window", "What may be on its way.", "bytes", number(of.prefetch.window_bytes));
  out.node_gauge("prefetch-threshold", "Predictions less probable are left alone.", "ratio",
                 of.prefetch.threshold);
  out.node_gauge("origin-bandwidth-bytes-per", "As measured.", "second",
                 number(of.prefetch.bandwidth_bytes_second));
  out.node_gauge("origin-delay", "As measured.", "seconds",
                 std::chrono::duration<double>(of.prefetch.delay).count());
  out.node_counter("provenance-records", "Accesses in the log.", "1", number(of.provenance.records));
  out.node_counter("provenance-dropped", "Accesses that found no room on their way to the log.", "1",
                   number(of.provenance.dropped));
}

} // namespace

std::string metrics_text(caf::actor_system& system, const control::node_status& node,
                         const std::vector<control::volume_row>& volumes,
                         const std::vector<control::actor_row>& actors) {
  writer out{system.metrics()};
  node_metrics(out, node);
  for (const auto& row : volumes)
    volume_metrics(out, row);
  std::map<std::string, double> restarts;
  for (const auto& row : actors)
    restarts[row.name.substr(0, row.name.find(' '))] += row.restarts;
  for (const auto& [kind, count] : restarts)
    out.restarts(kind, count);
  caf::telemetry::collector::prometheus collector;
  collector.min_scrape_interval(caf::timespan{0});
  const auto text = collector.collect_from(system.metrics());
  return {text.begin(), text.end()};
}

} // namespace forerun::actors
