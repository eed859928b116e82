#include "apps/cli/commands.hpp"
#include "apps/cli/table.hpp"
#include "apps/cli/when.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/units.hpp"
#include <fmt/format.h>
#include <memory>

namespace forerun::cli {
namespace {

double seconds(nanos time) {
  return std::chrono::duration<double>(time).count();
}

void print_json(context& where, const control::node_status& node) {
  json out;
  out.open_object()
      .field("version", node.version)
      .field("uptime_seconds", seconds(node.uptime))
      .field("data_dir", node.data_dir)
      .field("pool_used_bytes", node.pool_used_bytes)
      .field("pool_limit_bytes", node.pool_limit_bytes)
      .field("disk_used_bytes", node.disk_used_bytes)
      .field("disk_limit_bytes", node.disk_limit_bytes)
      .field("overlay_bytes", node.overlay_bytes)
      .field("volumes", node.volumes)
      .field("connections", node.connections);
  out.key("prefetch")
      .open_object()
      .field("enabled", node.prefetch.enabled)
      .field("queue_depth", node.prefetch.queue_depth)
      .field("in_flight_bytes", node.prefetch.in_flight_bytes)
      .field("window_bytes", node.prefetch.window_bytes)
      .field("bandwidth_bytes_second", node.prefetch.bandwidth_bytes_second)
      .field("delay_seconds", seconds(node.prefetch.delay))
      .field("threshold", node.prefetch.threshold)
      .close();
  out.key("provenance")
      .open_object()
      .field("enabled", node.provenance.enabled)
      .field("strict", node.provenance.strict)
      .field("records", node.provenance.records)
      .field("bytes", node.provenance.bytes)
      .field("dropped", node.provenance.dropped)
      .field("head_hash", node.provenance.head_hash)
      .field("public_key", node.provenance.public_key)
      .close();
  out.field("metrics_url", node.metrics_url).field("nbd_addresses", node.nbd_addresses).close();
  where.out << out.text() << '\n';
}

void print_text(context& where, const control::node_status& node) {
  const auto line = [&where](std::string_view name, const std::string& what) {
    where.out << fmt::format("{:<12}{}\n", name, printable(what));
  };
  const auto of = [](std::uint64_t used, std::uint64_t limit) {
    return fmt::format("{} of {}", format_bytes(used), format_bytes(limit));
  };
  line("forerun", fmt::format("{}, up {}", node.version, format_duration(node.uptime)));
  line("data", node.data_dir);
  line("volumes", fmt::format("{}, {} clients", node.volumes, node.connections));
  for (const auto& each : node.nbd_addresses)
    line("nbd", each);
  line("memory", of(node.pool_used_bytes, node.pool_limit_bytes));
  line("disk", of(node.disk_used_bytes, node.disk_limit_bytes));
  line("overlays", format_bytes(node.overlay_bytes));
  const auto& prefetch = node.prefetch;
  line("origin", prefetch.bandwidth_bytes_second == 0
                     ? "not measured yet"
                     : fmt::format("{}/s, {}", format_bytes(prefetch.bandwidth_bytes_second),
                                   format_duration(prefetch.delay)));
  line("prefetch", prefetch.enabled
                       ? fmt::format("{} plans wait, {} in flight, threshold {:.2f}", prefetch.queue_depth,
                                     of(prefetch.in_flight_bytes, prefetch.window_bytes), prefetch.threshold)
                       : "off");
  const auto& provenance = node.provenance;
  line("provenance", provenance.enabled ? fmt::format("{} records in {}, {} dropped{}", provenance.records,
                                                      format_bytes(provenance.bytes), provenance.dropped,
                                                      provenance.strict ? ", strict" : "")
                                        : "off");
  if (!provenance.head_hash.empty())
    line("chain", provenance.head_hash);
  line("metrics", node.metrics_url.empty() ? "off" : node.metrics_url);
}

void status(context& where) {
  with_node(where, [&where](control::client& node) {
    present(where, node.status(), [&where](const control::node_status& what) {
      where.json ? print_json(where, what) : print_text(where, what);
    });
  });
}

void show_actors(context& where, const std::vector<control::actor_row>& rows) {
  if (where.json) {
    json out;
    out.open_array();
    for (const auto& row : rows)
      out.open_object()
          .field("name", row.name)
          .field("id", row.id)
          .field("state", row.state)
          .field("restarts", row.restarts)
          .field("mailbox", row.mailbox)
          .field("processed", row.processed)
          .field("last_error", row.last_error)
          .close();
    where.out << out.close().text() << '\n';
    return;
  }
  table out({"NAME", ">ID", "STATE", ">RESTARTS", ">MAILBOX", ">PROCESSED", "LAST ERROR"});
  for (const auto& row : rows)
    out.row({row.name, std::to_string(row.id), row.state, std::to_string(row.restarts),
             std::to_string(row.mailbox), std::to_string(row.processed), row.last_error});
  out.print(where.out);
}

void show_dropped(context& where, const control::cache_dropped& what) {
  if (where.json)
    where.out << json()
                     .open_object()
                     .field("pool_bytes", what.pool_bytes)
                     .field("disk_bytes", what.disk_bytes)
                     .close()
                     .text()
              << '\n';
  else
    where.out << fmt::format("dropped {} from memory and {} from disk; overlays stay\n",
                             format_bytes(what.pool_bytes), format_bytes(what.disk_bytes));
}

void print_json(context& where, const control::verify_report& what) {
  json out;
  out.open_object()
      .field("intact", what.intact)
      .field("segments", what.segments)
      .field("blocks", what.blocks)
      .field("records", what.records)
      .field("head_hash", what.head_hash)
      .field("damage", what.damage);
  out.key("dropped")
      .open_object()
      .field("segments", what.dropped_segments)
      .field("damaged", what.dropped_damaged)
      .field("records", what.dropped_records)
      .field("bytes", what.dropped_bytes)
      .field("until_ns", what.dropped_until.ns)
      .close();
  out.key("anchors")
      .open_object()
      .field("passed", what.anchors)
      .field("last_ns", what.last_anchor.ns)
      .close();
  out.field("public_key", what.public_key).close();
  where.out << out.text() << '\n';
}

void print_text(context& where, const control::verify_report& what) {
  where.out << fmt::format("{}: {} records in {} blocks of {} segments{}\n",
                           what.intact ? "intact" : "damaged (" + printable(what.damage) + ")", what.records,
                           what.blocks, what.segments,
                           what.head_hash.empty() ? "" : ", head " + printable(what.head_hash));
  if (what.dropped_segments > 0)
    where.out << fmt::format(
        "dropped before: {} records, the latest of {}, in {} segments of {}{}\n", what.dropped_records,
        when(what.dropped_until), what.dropped_segments, format_bytes(what.dropped_bytes),
        what.dropped_damaged > 0 ? fmt::format("; {} of them were damaged", what.dropped_damaged) : "");
  if (what.anchors > 0)
    where.out << fmt::format("anchors: {} passed, the last of {}\n", what.anchors, when(what.last_anchor));
  if (!what.public_key.empty())
    where.out << "public key: " << printable(what.public_key) << '\n';
}

void show_verified(context& where, const control::verify_report& what) {
  if (!what.intact)
    where.code = exit_damaged;
  where.json ? print_json(where, what) : print_text(where, what);
}

void add_verify(CLI::App& app, context& where) {
  auto* command = app.add_subcommand("verify", "Check the chain of the provenance log from its beginning");
  auto key = std::make_shared<std::string>();
  command->add_option("--key", *key, "Who must have signed: a public key, 64 hexadecimal digits");
  command->callback([&where, key] {
    with_node(where, [&where, key](control::client& node) {
      present(where, node.verify(*key), [&where](const auto& what) { show_verified(where, what); });
    });
  });
}

} // namespace

void add_node_commands(CLI::App& app, context& where) {
  app.add_subcommand("status", "How the node does")->callback([&where] { status(where); });
  app.add_subcommand("actors", "What runs in the node")->callback([&where] {
    with_node(where, [&where](control::client& node) {
      present(where, node.actors(), [&where](const auto& rows) { show_actors(where, rows); });
    });
  });
  auto* cache = app.add_subcommand("cache", "What the node keeps of images");
  cache->require_subcommand(1);
  cache->add_subcommand("drop", "Forget memory and clean disk blocks of all images; overlays stay")
      ->callback([&where] {
        with_node(where, [&where](control::client& node) {
          present(where, node.drop_cache(), [&where](const auto& what) { show_dropped(where, what); });
        });
      });
  add_verify(app, where);
}

} // namespace forerun::cli
