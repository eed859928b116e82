#include "runtime/control/metrics.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace forerun::control {
namespace {

/// One family after the other, each with its help and its samples.
class page {
public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <class Number> void sample(std::string_view labels, Number value) {
    text_ += labels.empty() ? fmt::format("{} {}\n", name_, value)
                            : fmt::format("{}{{{}}} {}\n", name_, labels, value);
  }
  template <class Number>
  void single(std::string_view name, std::string_view type, std::string_view help, Number value) {
    family(name, type, help);
    sample("", value);
  }
  std::string take() { return std::move(text_); }

private:
  std::string name_;
  std::string text_;
};

std::string label(std::string_view name, std::string_view value) {
  std::string escaped;
  for (const auto c : value) {
    if (c == '\n') {
      escaped += "\\n";
      continue;
    }
    if (c == '"' || c == '\\')
      escaped += '\\';
    escaped += c;
  }
  return fmt::format("{}=\"{}\"", name, escaped);
}

/// A volume's figures, or the sum of several volumes'.
struct volume_sum : volume_counters {
  std::uint64_t overlay_bytes = 0;
  std::uint64_t connections = 0;
};

void add(volume_sum& to, const volume_row& row) {
  const auto& from = row.counters;
  to.overlay_bytes += row.overlay_bytes;
  to.connections += row.connections;
  to.reads += from.reads;
  to.writes += from.writes;
  to.hits += from.hits;
  to.late += from.late;
  to.misses += from.misses;
  to.prefetched_blocks += from.prefetched_blocks;
  to.used_blocks += from.used_blocks;
  to.waste_blocks += from.waste_blocks;
  to.stall_seconds += from.stall_seconds;
  to.origin_bytes += from.origin_bytes;
  to.distinct_read_bytes += from.distinct_read_bytes;
}

using labelled = std::map<std::string, volume_sum>;

/// By label, with those past the bound added up.
labelled by_label(const std::vector<volume_row>& volumes) {
  std::vector<const volume_row*> sorted;
  for (const auto& row : volumes)
    sorted.push_back(&row);
  std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->name < b->name; });
  labelled shown;
  for (std::size_t i = 0; i < sorted.size(); ++i)
    add(shown[label("volume", i < metrics_volumes_max ? sorted[i]->name : "(others)")], *sorted[i]);
  return shown;
}

void put_volumes(page& out, const labelled& volumes) {
  out.family("forerun_volume_reads_total", "counter", "Read requests, by how they found their data.");
  for (const auto& [name, of] : volumes) {
    out.sample(name + ",outcome=\"hit\"", of.hits);
    out.sample(name + ",outcome=\"late\"", of.late);
    out.sample(name + ",outcome=\"miss\"", of.misses);
    out.sample(name + ",outcome=\"failed\"", of.reads - std::min(of.reads, of.hits + of.late + of.misses));
  }
  const auto each = [&](std::string_view metric, std::string_view type, std::string_view help, auto figure) {
    out.family(metric, type, help);
    for (const auto& [name, of] : volumes)
      out.sample(name, of.*figure);
  };
  const auto counter = [&](std::string_view metric, std::string_view help, auto figure) {
    each(metric, "counter", help, figure);
  };
  counter("forerun_volume_writes_total", "Write requests.", &volume_counters::writes);
  counter("forerun_volume_stall_seconds_total", "Time that reads waited for the origin.",
          &volume_counters::stall_seconds);
  counter("forerun_volume_origin_bytes_total", "Bytes moved from the origin.",
          &volume_counters::origin_bytes);
  counter("forerun_volume_distinct_read_bytes_total", "Bytes read by clients, each counted once.",
          &volume_counters::distinct_read_bytes);
  counter("forerun_volume_prefetched_blocks_total", "Blocks moved before they were asked for.",
          &volume_counters::prefetched_blocks);
  counter("forerun_volume_used_blocks_total", "Prefetched blocks that were then read.",
          &volume_counters::used_blocks);
  counter("forerun_volume_waste_blocks_total", "Prefetched blocks evicted, overwritten or overdue unread.",
          &volume_counters::waste_blocks);
  each("forerun_volume_overlay_bytes", "gauge", "Written blocks on local disk.", &volume_sum::overlay_bytes);
  each("forerun_volume_connections", "gauge", "NBD clients.", &volume_sum::connections);
}

void put_actors(page& out, const std::vector<actor_row>& actors) {
  struct sum {
    std::uint64_t running = 0;
    std::uint64_t restarts = 0;
    std::uint64_t mailbox = 0;
    std::uint64_t processed = 0;
  };
  std::map<std::string, sum> kinds; // names of actors are kinds, not single actors: few
  for (const auto& row : actors) {
    auto& of = kinds[label("actor", row.name)];
    of.running += row.state == "running" ? 1 : 0;
    of.restarts += row.restarts;
    of.mailbox += row.mailbox;
    of.processed += row.processed;
  }
  const auto each = [&](std::string_view metric, std::string_view type, std::string_view help,
                        auto sum::*figure) {
    out.family(metric, type, help);
    for (const auto& [name, of] : kinds)
      out.sample(name, of.*figure);
  };
  each("forerun_actors", "gauge", "Actors that run, by kind.", &sum::running);
  each("forerun_actor_restarts_total", "counter", "Restarts after a failure, by kind.", &sum::restarts);
  each("forerun_actor_mailbox_messages", "gauge", "Messages that wait, by kind.", &sum::mailbox);
  each("forerun_actor_messages_total", "counter", "Messages worked off, by kind.", &sum::processed);
}

} // namespace

std::string prometheus_text(const node_status& node, const std::vector<volume_row>& volumes,
                            const std::vector<actor_row>& actors) {
  const auto seconds = [](nanos time) { return std::chrono::duration<double>(time).count(); };
  page out;
  out.family("forerun_info", "gauge", "Always 1; its label is the version.");
  out.sample(label("version", node.version), 1);
  out.single("forerun_uptime_seconds", "gauge", "Since the node started.", seconds(node.uptime));
  out.single("forerun_volumes", "gauge", "Volumes.", node.volumes);
  out.single("forerun_connections", "gauge", "NBD clients.", node.connections);
  out.single("forerun_pool_used_bytes", "gauge", "Image blocks in memory.", node.pool_used_bytes);
  out.single("forerun_pool_limit_bytes", "gauge", "Room for image blocks in memory.", node.pool_limit_bytes);
  out.single("forerun_disk_used_bytes", "gauge", "Clean image blocks on local disk.", node.disk_used_bytes);
  out.single("forerun_disk_limit_bytes", "gauge", "Room for clean image blocks on disk.",
             node.disk_limit_bytes);
  out.single("forerun_overlay_bytes", "gauge", "Written blocks of all volumes.", node.overlay_bytes);
  const auto& prefetch = node.prefetch;
  out.single("forerun_prefetch_queue_plans", "gauge", "Plans that wait.", prefetch.queue_depth);
  out.single("forerun_prefetch_in_flight_bytes", "gauge", "Under way for prefetch.",
             prefetch.in_flight_bytes);
  out.single("forerun_prefetch_window_bytes", "gauge", "May be under way for prefetch.",
             prefetch.window_bytes);
  out.single("forerun_prefetch_threshold_ratio", "gauge", "Least probability that is worth a fetch, 0 to 1.",
             prefetch.threshold);
  out.single("forerun_origin_bandwidth_bytes_per_second", "gauge", "As measured; 0 if not yet known.",
             prefetch.bandwidth_bytes_second);
  out.single("forerun_origin_delay_seconds", "gauge", "As measured; 0 if not yet known.",
             seconds(prefetch.delay));
  const auto& provenance = node.provenance;
  out.single("forerun_provenance_records_total", "counter", "Accesses recorded.", provenance.records);
  out.single("forerun_provenance_dropped_total", "counter", "Accesses that a full buffer lost.",
             provenance.dropped);
  out.single("forerun_provenance_bytes", "gauge", "The log on disk.", provenance.bytes);
  put_volumes(out, by_label(volumes));
  put_actors(out, actors);
  return out.take();
}

} // namespace forerun::control
