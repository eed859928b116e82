#include "apps/cli/commands.hpp"
#include "apps/cli/import_file.hpp"
#include "apps/cli/table.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/names.hpp"
#include "runtime/trace/text.hpp"
#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace forerun::cli {
namespace {

struct arguments {
  std::vector<std::string> files;
  std::string format;
  std::string columns;
  std::string start;
  import_order order;
};

std::string label_problem(const std::string& text) {
  constexpr std::size_t bytes_max = 200; // With a mark in front it is still a name.
  return is_label(text) && text.size() <= bytes_max
             ? ""
             : "is no name; use at most 200 bytes, no control characters";
}

std::string start_problem(const std::string& text) {
  std::int64_t ignored = 0;
  return trace::date(text, ignored) ? "" : "is no time; write it as 2024-05-31T12:00:00Z";
}

void put(json& out, const import_report& done) {
  out.open_object()
      .field("file", done.file)
      .field("format", done.format)
      .field("ordinal", done.ordinal)
      .field("rows", done.rows)
      .field("rows_broken", done.rows_broken)
      .field("rows_idle", done.rows_idle)
      .field("rows_other_volumes", done.rows_other_volumes)
      .field("past_the_end", done.past_the_end)
      .field("records", done.records)
      .field("names", done.names)
      .field("run", done.run)
      .field("learned", done.learned)
      .field("seconds", done.seconds);
  out.key("broken").open_array();
  for (const auto& each : done.broken)
    out.open_object().field("line", each.line).field("why", each.why).close();
  out.close().close();
}

void show(context& where, const import_report& done) {
  const auto line = [&where](std::string_view name, const std::string& what) {
    where.out << fmt::format("  {:<10}{}\n", name, what);
  };
  where.out << fmt::format("{}: {}{}\n", printable(done.file), done.format,
                           done.ordinal ? ", without times" : "");
  line("rows", fmt::format("{} in {:.1f} s", done.rows, done.seconds));
  line("records",
       fmt::format("{}, of which {} name what they are about; run {}", done.records, done.names, done.run));
  if (done.learned)
    line("learned", "by the models of the volume's image");
  if (done.rows_idle > 0)
    line("idle", fmt::format("{} rows touch nothing", done.rows_idle));
  if (done.rows_other_volumes > 0)
    line("left out", fmt::format("{} rows of other volumes", done.rows_other_volumes));
  if (done.past_the_end > 0)
    line("left out", fmt::format("{} rows past the end of the volume", done.past_the_end));
  if (done.rows_broken > 0)
    line("broken", fmt::format("{} rows", done.rows_broken));
  for (const auto& each : done.broken)
    line("", fmt::format("line {}: {}", each.line, printable(each.why)));
}

void import_all(context& where, const arguments& given, control::client& node) {
  json out;
  out.open_array();
  for (const auto& file : given.files) {
    auto order = given.order;
    const auto done = import_file(file, order, node, where.json ? nullptr : &where.err);
    if (done.format.empty()) {
      complain(where, *done.failed);
      continue;
    }
    if (where.json)
      put(out, done);
    else
      show(where, done);
    if (done.failed)
      complain(where, *done.failed);
  }
  if (where.json)
    where.out << out.close().text() << '\n';
}

} // namespace

void add_import_command(CLI::App& app, context& where) {
  auto* command =
      app.add_subcommand("import", "Take recordings of what happened elsewhere into the log and the models");
  auto given = std::make_shared<arguments>();
  command
      ->add_option("file", given->files, "Recordings: CSV or JSON lines, plain or gzip; - is standard input")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--volume", given->order.labels.volume,
                   "Teach this volume's models; requests to disks only")
      ->type_name("NAME");
  command
      ->add_option("--program", given->order.labels.program,
                   "What ran (default: as recorded, or the volume's own)")
      ->type_name("NAME")
      ->check(label_problem);
  command->add_option("--user", given->order.labels.user, "Who it was (default: as recorded)")
      ->type_name("NAME")
      ->check(label_problem);
  command
      ->add_option("--vm", given->order.labels.vm,
                   "Where it was (default: the recorded volume, or the file's name)")
      ->type_name("NAME")
      ->check(label_problem);
  command->add_option("--format", given->format, "What the file is (default: its first line tells)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember(format_names()));
  command->add_option("--columns", given->columns, "Where the columns of another format are, from 1")
      ->type_name("NAME=N:UNIT,…")
      ->check(columns_problem);
  command->add_option("--start", given->start, "The time that recorded times count from (default: 1970)")
      ->type_name("TIME")
      ->check(start_problem);
  command->add_flag("--ordinal", given->order.ordinal,
                    "Times are only numbers of requests (default: when the file's name says _ord)");
  command->callback([&where, given] {
    given->order.as = format_named(given->format);
    if (!given->columns.empty())
      given->order.columns = trace::parse_columns(given->columns).value();
    if (!given->start.empty())
      (void)trace::date(given->start, given->order.labels.start_ns);
    with_node(where, [&](control::client& node) { import_all(where, *given, node); });
  });
}

} // namespace forerun::cli
