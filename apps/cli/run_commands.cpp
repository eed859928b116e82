#include "apps/cli/commands.hpp"
#include "apps/cli/table.hpp"
#include "runtime/base/json.hpp"
#include <fmt/format.h>

namespace forerun::cli {
namespace {

void show(context& where, std::string_view what, const control::run_info& run) {
  if (where.json)
    where.out << json()
                     .open_object()
                     .field("volume", run.volume)
                     .field("program", run.program)
                     .field("run", run.run)
                     .close()
                     .text()
              << '\n';
  else
    where.out << fmt::format("run {} of {} on {} {}\n", run.run, printable(run.program),
                             printable(run.volume), what);
}

} // namespace

void add_run_commands(CLI::App& app, context& where) {
  auto* run = app.add_subcommand("run", "Tell the node when a program starts and ends on a volume");
  run->require_subcommand(1);
  auto volume = std::make_shared<std::string>();
  auto program = std::make_shared<std::string>();

  auto* begin =
      run->add_subcommand("begin", "A program starts; prefetch for it may begin before a client connects");
  begin->add_option("volume", *volume, "The volume's name")->required()->type_name("VOLUME");
  begin->add_option("--program", *program, "What starts (default: the volume's own program)")
      ->type_name("NAME");
  begin->callback([&where, volume, program] {
    with_node(where, [&](control::client& node) {
      present(where, node.begin_run(*volume, *program),
              [&](const auto& what) { show(where, "begins", what); });
    });
  });

  auto* end = run->add_subcommand("end", "The program has ended");
  end->add_option("volume", *volume, "The volume's name")->required()->type_name("VOLUME");
  end->callback([&where, volume] {
    with_node(where, [&](control::client& node) {
      present(where, node.end_run(*volume), [&](const auto& what) { show(where, "has ended", what); });
    });
  });
}

} // namespace forerun::cli
