#include "apps/cli/commands.hpp"
#include "apps/cli/table.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/units.hpp"
#include <fmt/format.h>

namespace forerun::cli {
namespace {

void put(json& out, const control::volume_row& row) {
  const auto& counters = row.counters;
  out.open_object()
      .field("name", row.name)
      .field("bytes", row.bytes)
      .field("image", row.image)
      .field("program", row.program)
      .field("user", row.user)
      .field("read_only", row.read_only)
      .field("audit", to_string(row.audit))
      .field("connections", row.connections)
      .field("run", row.run)
      .field("overlay_bytes", row.overlay_bytes)
      .field("addresses", row.addresses);
  out.key("counters")
      .open_object()
      .field("reads", counters.reads)
      .field("writes", counters.writes)
      .field("hits", counters.hits)
      .field("late", counters.late)
      .field("misses", counters.misses)
      .field("prefetched_blocks", counters.prefetched_blocks)
      .field("used_blocks", counters.used_blocks)
      .field("waste_blocks", counters.waste_blocks)
      .field("stall_seconds", counters.stall_seconds)
      .field("origin_bytes", counters.origin_bytes)
      .field("distinct_read_bytes", counters.distinct_read_bytes)
      .field("missed_blocks", counters.missed_blocks)
      .field("accuracy", counters.accuracy)
      .field("coverage", counters.coverage)
      .close();
  out.close();
}

void put(json& out, const control::export_place& place) {
  out.open_object()
      .field("name", place.name)
      .field("addresses", place.addresses)
      .field("uris", place.uris)
      .close();
}

void list(context& where, bool names_only) {
  with_node(where, [&](control::client& node) {
    present(where, node.volumes(), [&](const std::vector<control::volume_row>& rows) {
      if (names_only) {
        for (const auto& row : rows)
          where.out << printable(row.name) << '\n';
        return;
      }
      if (where.json) {
        json out;
        out.open_array();
        for (const auto& row : rows)
          put(out, row);
        where.out << out.close().text() << '\n';
        return;
      }
      table out({"NAME", ">SIZE", "PROGRAM", "AUDIT", ">CLIENTS", ">READS", ">HIT", ">LATE", ">MISS",
                 ">STALL", ">ACCURACY", ">COVERAGE", ">MOVED", "IMAGE"});
      for (const auto& row : rows) {
        const auto& of = row.counters;
        const auto stall = nanos{static_cast<std::int64_t>(of.stall_seconds * 1e9)};
        out.row({row.name + (row.read_only ? " (read-only)" : ""), format_bytes(row.bytes), row.program,
                 std::string{to_string(row.audit)}, std::to_string(row.connections), std::to_string(of.reads),
                 percent(of.hits, of.reads), percent(of.late, of.reads), percent(of.misses, of.reads),
                 format_duration(stall), of.prefetched_blocks == 0 ? "-" : percent(of.accuracy),
                 of.reads == 0 ? "-" : percent(of.coverage), format_bytes(of.origin_bytes),
                 row.image.empty() ? "(empty)" : row.image});
      }
      out.print(where.out);
    });
  });
}

void print_place(context& where, const control::export_place& place) {
  for (const auto& each : place.addresses)
    where.out << "  served at  " << printable(each) << '\n';
  for (const auto& each : place.uris)
    where.out << "  attach     " << printable(each) << '\n';
}

void create(context& where, const control::volume_spec& spec) {
  with_node(where, [&](control::client& node) {
    present(where, node.create_volume(spec), [&](const control::volume_row& row) {
      if (where.json) {
        json out;
        put(out, row);
        where.out << out.text() << '\n';
        return;
      }
      where.out << fmt::format("created {}, {}\n", printable(row.name), format_bytes(row.bytes));
      const auto place = node.export_volume(row.name, "");
      if (const auto* found = std::get_if<0>(&place))
        print_place(where, *found);
    });
  });
}

void remove(context& where, const std::string& name) {
  with_node(where, [&](control::client& node) {
    present(where, node.delete_volume(name), [&](control::done) {
      if (where.json)
        where.out << json().open_object().field("deleted", name).close().text() << '\n';
      else
        where.out << "deleted " << printable(name) << '\n';
    });
  });
}

void show_place(context& where, const std::string& name, const std::string& listen) {
  with_node(where, [&](control::client& node) {
    present(where, node.export_volume(name, listen), [&](const control::export_place& place) {
      if (where.json) {
        json out;
        put(out, place);
        where.out << out.text() << '\n';
        return;
      }
      where.out << "export " << printable(place.name) << '\n';
      print_place(where, place);
    });
  });
}

std::string size_problem(const std::string& text) {
  const auto bytes = parse_bytes(text);
  return bytes && bytes.value() > 0 ? std::string{} : "is no size; write one such as 10GiB or 512M";
}

} // namespace

void add_volume_commands(CLI::App& app, context& where) {
  auto* volume = app.add_subcommand("volume", "What is served over NBD");
  volume->require_subcommand(1);

  auto spec = std::make_shared<control::volume_spec>();
  auto size = std::make_shared<std::string>();
  auto* made = volume->add_subcommand("create", "Make a volume over an image, or an empty one");
  made->add_option("name", spec->name, "Its name, and its NBD export name")->required()->type_name("NAME");
  made->add_option("--image", spec->image, "file:, nbd://, nbd+unix://, http:// or https:// URL")
      ->type_name("URL");
  made->add_option("--size", *size, "Of an empty volume, or more than its image has")
      ->type_name("SIZE")
      ->check(size_problem);
  made->add_option("--program", spec->program,
                   "What runs on it; volumes of one program learn from each other")
      ->type_name("NAME");
  made->add_option("--listen", spec->listen, "Serve it alone here, too: unix:PATH or tcp:HOST:PORT")
      ->type_name("ADDRESS");
  made->add_flag("--read-only", spec->read_only, "Refuse writes");
  auto audit = std::make_shared<std::string>();
  made->add_option("--audit", *audit, "relaxed: a lost record is counted; strict: clients wait instead")
      ->type_name("POLICY")
      ->check(CLI::IsMember({"relaxed", "strict"}));
  made->callback([&where, spec, size, audit] {
    if (!audit->empty())
      spec->audit = *audit == "strict" ? audit_policy::strict : audit_policy::relaxed;
    if (!size->empty())
      spec->bytes = parse_bytes(*size).value();
    create(where, *spec);
  });

  auto names_only = std::make_shared<bool>(false);
  auto* listed = volume->add_subcommand("list", "All volumes and how well prefetch serves them");
  listed->add_flag("--names", *names_only, "Only the names, one a line");
  listed->callback([&where, names_only] { list(where, *names_only); });

  auto name = std::make_shared<std::string>();
  auto* removed = volume->add_subcommand("delete", "Remove a volume and all that was written to it");
  removed->add_option("volume", *name, "Its name")->required()->type_name("VOLUME");
  removed->callback([&where, name] { remove(where, *name); });

  auto listen = std::make_shared<std::string>();
  auto* exported = volume->add_subcommand("export", "How NBD clients reach a volume");
  exported->add_option("volume", *name, "Its name")->required()->type_name("VOLUME");
  exported->add_option("--listen", *listen, "Serve it here, too: unix:PATH or tcp:HOST:PORT")
      ->type_name("ADDRESS");
  exported->callback([&where, name, listen] { show_place(where, *name, *listen); });
}

} // namespace forerun::cli
