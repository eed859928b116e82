#include "apps/cli/commands.hpp"

namespace forerun::cli {

int run(int argc, const char* const* argv, context& where) {
  CLI::App app{"Data arrives before it is asked for: the command line of a forerun node.", "forerun"};
  app.require_subcommand(1);
  app.fallthrough(); // --json and --socket may stand anywhere
  app.set_version_flag("--version", "forerun " FORERUN_VERSION);
  app.add_flag("--json", where.json, "Print JSON instead of tables");
  app.add_option("--socket", where.socket,
                 "The node's control socket (default: FORERUN_SOCKET, or in the state folder)")
      ->type_name("PATH");
  app.footer("Exit codes: 0 done, 1 refused or failed, 2 wrong command line, 3 no node answers, "
             "4 provenance damaged.");
  add_node_commands(app, where);
  add_volume_commands(app, where);
  add_explain_commands(app, where);
  add_predict_command(app, where);
  add_records_command(app, where);
  add_graph_commands(app, where);
  add_origins_command(app, where);
  add_sum_commands(app, where);
  add_run_commands(app, where);
  add_import_command(app, where);
  add_replay_command(app, where);
  add_demo_command(app, where);
  add_completion_command(app, where);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {
    const auto asked_for_help = app.exit(wrong, where.out, where.err) == 0;
    return asked_for_help ? exit_ok : exit_usage;
  }
  return where.code;
}

} // namespace forerun::cli
