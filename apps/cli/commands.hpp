#pragma once
#include "apps/cli/context.hpp"
#include <CLI/CLI.hpp>

/// The commands of `forerun`. Each group adds its own to the command line; a command runs when the whole line
/// has been read, writes to the context and leaves its exit code there.
namespace forerun::cli {

void add_node_commands(CLI::App& app, context& where);    ///< status, actors, cache, verify
void add_volume_commands(CLI::App& app, context& where);  ///< volume create, list, delete, export
void add_explain_commands(CLI::App& app, context& where); ///< heat, why, history
void add_predict_command(CLI::App& app, context& where);  ///< predict report
void add_records_command(CLI::App& app, context& where);  ///< records
void add_graph_commands(CLI::App& app, context& where);   ///< graph ancestors, descendants, path
void add_origins_command(CLI::App& app, context& where);  ///< origins
void add_sum_commands(CLI::App& app, context& where);     ///< sums, top, arrivals, sequences, working-set
void add_run_commands(CLI::App& app, context& where);     ///< run begin, end
void add_import_command(CLI::App& app, context& where);   ///< import
void add_replay_command(CLI::App& app, context& where);   ///< replay
void add_demo_command(CLI::App& app, context& where);     ///< demo
/// completion; generated from what the other groups have added by then.
void add_completion_command(CLI::App& app, context& where);

/// Reads the command line and does what it says; returns the exit code.
int run(int argc, const char* const* argv, context& where);

} // namespace forerun::cli
