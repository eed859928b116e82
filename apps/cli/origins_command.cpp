#include "apps/cli/commands.hpp"
#include "apps/cli/interrupts.hpp"
#include "apps/cli/named_element.hpp"
#include "apps/cli/record_options.hpp"
#include "apps/cli/table.hpp"
#include "apps/cli/when.hpp"
#include "runtime/provenance/export_records.hpp"
#include "runtime/provenance/export_text.hpp"
#include <fmt/format.h>

namespace forerun::cli {
namespace {

struct origins_options : record_options {
  std::uint32_t reads = 100;
  std::uint64_t before = 0; ///< 0: the end of the log.
};

std::string agent(const provenance::context& who) {
  return fmt::format("{}/{}/{}", who.by.vm, who.by.program, who.by.user);
}

void show_table(context& where, const provenance::read_origins& what) {
  table out({">READ", "TIME", "BY (VM/PROGRAM/USER)", ">RUN", "ELEMENTS", "NAME", ">WRITTEN", "TIME",
             "BY (VM/PROGRAM/USER)", ">RUN", "OPERATION", "VALUE"});
  for (const auto& [read, parts, name] : what.reads)
    for (const auto& it : parts) {
      std::vector<std::string> cells{std::to_string(read.what.position),
                                     when(read.what.at),
                                     agent(read.who),
                                     std::to_string(read.who.run.value),
                                     fmt::format("{} {}:{}", provenance::name_of(read.who.kind),
                                                 read.who.space, provenance::range_of(it.where)),
                                     name};
      if (const auto* made = it.made.get())
        cells.insert(cells.end(), {std::to_string(made->what.position), when(made->what.at), agent(made->who),
                                   std::to_string(made->who.run.value), std::string{to_string(made->what.op)},
                                   made->what.value});
      else
        cells.insert(cells.end(), {"-", "as it began", "", "", "", ""});
      out.row(std::move(cells));
    }
  out.print(where.out);
}

void show(context& where, const provenance::read_origins& what, record_format how) {
  if (how == record_format::table) {
    show_table(where, what);
  } else {
    std::string text = how == record_format::csv ? provenance::origins_csv_heading() : "";
    for (const auto& it : what.reads)
      how == record_format::csv ? provenance::append_csv_lines(text, it)
                                : provenance::append_json_line(text, it);
    where.out << text << std::flush;
  }
  if (what.complete)
    return;
  if (where.json)
    where.err << fmt::format("{{\"complete\":false,\"before\":{}}}\n", what.from_position);
  else
    where.err << fmt::format("forerun: there may be older reads; go on with --before {}\n",
                             what.from_position);
}

void ask(context& where, const origins_options& given) {
  const interrupts stop;
  with_node(where, [&](control::client& node) {
    if (stop.fd() >= 0)
      node.give_up_on(stop.fd());
    auto what = given.question();
    if (given.before > 0)
      what.wanted.position_to = given.before;
    if (!given.name.empty() && !find_named(where, node, given.name, what))
      return;
    present(where, node.origins(what, given.reads),
            [&](const auto& found) { show(where, found, given.format_of(where.json)); });
  });
}

} // namespace

void add_origins_command(CLI::App& app, context& where) {
  auto* origins = app.add_subcommand("origins", "Who wrote the versions that reads met");
  auto given = std::make_shared<origins_options>();
  given->add_filter_to(*origins);
  given->add_format_to(*origins);
  origins->add_option("--last", given->reads, "The newest so many reads, at most 1024 (default: 100)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, control::origin_reads_max));
  origins->add_option("--before", given->before, "Only reads before this position in the log")
      ->type_name("POSITION")
      ->check(number_problem)
      ->check(CLI::PositiveNumber);
  origins->callback([&where, given] { ask(where, *given); });
}

} // namespace forerun::cli
