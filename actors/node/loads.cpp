#include "actors/node/loads.hpp"

namespace forerun::actors {

namespace {

/// Visits the registry and keeps what CAF counts for each kind of actor.
struct load_collector {
  template <class Metric>
  void operator()(const caf::telemetry::metric_family*, const caf::telemetry::metric*, const Metric*) {}

  void operator()(const caf::telemetry::metric_family* family, const caf::telemetry::metric* instance,
                  const caf::telemetry::int_gauge* gauge) {
    if (family->name() == "mailbox-size")
      all[name_of(instance)].mailbox += static_cast<std::uint64_t>(std::max<std::int64_t>(0, gauge->value()));
  }
  void operator()(const caf::telemetry::metric_family* family, const caf::telemetry::metric* instance,
                  const caf::telemetry::dbl_histogram* histogram) {
    if (family->name() != "processing-time")
      return;
    for (const auto& bucket : histogram->buckets())
      all[name_of(instance)].processed += static_cast<std::uint64_t>(bucket.count.value());
  }

  static std::string name_of(const caf::telemetry::metric* instance) {
    for (const auto& label : instance->labels())
      if (label.name() == "name")
        return {label.value().begin(), label.value().end()};
    return {};
  }

  std::map<std::string, load> all;
};

} // namespace

std::map<std::string, load> actor_loads(caf::actor_system& system) {
  load_collector collector;
  system.metrics().collect(collector);
  return std::move(collector.all);
}

} // namespace forerun::actors
