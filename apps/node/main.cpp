#include "actors/common/system.hpp"
#include "actors/node/node.hpp"
#include "apps/node/ground.hpp"
#include "runtime/control/server.hpp"
#include "runtime/host/notify.hpp"
#include <CLI/CLI.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace {

using namespace forerun;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

int fail(const control::failure& why) {
  std::cerr << "forerun-node: " << why.what << '\n';
  if (!why.remedy.empty())
    std::cerr << "  " << why.remedy << '\n';
  return exit_failed;
}

std::optional<config::node_config> configuration(const std::string& file, const std::string& data_dir) {
  const auto environment = config::process_environment();
  std::string text;
  if (!file.empty()) {
    std::ifstream in{file, std::ios::binary};
    if (!in) {
      std::cerr << "forerun-node: " << file << " cannot be read; name a readable file with --config\n";
      return std::nullopt;
    }
    text.assign(std::istreambuf_iterator<char>{in}, {});
  }
  if (!data_dir.empty()) {
    if (!file.empty()) {
      std::cerr << "forerun-node: --data-dir is for a node without --config; write data_dir into " << file
                << '\n';
      return std::nullopt;
    }
    text = "data_dir = '" + std::filesystem::absolute(data_dir).string() + "'\n";
  }
  auto loaded = config::load_config(text, file.empty() ? "defaults" : file, environment);
  if (auto* wrong = std::get_if<std::vector<config::diagnostic>>(&loaded)) {
    for (const auto& diagnostic : *wrong)
      std::cerr << diagnostic.text() << '\n';
    return std::nullopt;
  }
  return std::get<config::node_config>(std::move(loaded));
}

void set_log_level(config::log_level level) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("forerun"));
  spdlog::set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
  switch (level) {
  case config::log_level::error:
    return spdlog::set_level(spdlog::level::err);
  case config::log_level::warn:
    return spdlog::set_level(spdlog::level::warn);
  case config::log_level::info:
    return spdlog::set_level(spdlog::level::info);
  case config::log_level::debug:
    return spdlog::set_level(spdlog::level::debug);
  }
}

int run(const config::node_config& config) {
  // Signals are taken by this thread only, in order; every thread that comes later inherits the mask.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  set_log_level(config.log);

  std::optional<host::folder_lock> lock;
  auto ground = app::make_ground(config, lock);
  if (const auto* failed = std::get_if<control::failure>(&ground))
    return fail(*failed);
  actors::init_types();
  actors::node node{std::get<0>(std::move(ground))};
  if (const auto failed = node.listen())
    return fail(*failed);
  auto control = control::control_server::start({config.control_socket, config.metrics_listen,
                                                 [](std::string what) { spdlog::warn("control: {}", what); }},
                                                node);
  if (const auto* failed = std::get_if<control::failure>(&control))
    return fail(*failed);
  auto& server = std::get<0>(control);
  node.open_volumes();
  for (const auto& address : node.addresses())
    spdlog::info("volumes are served at {}", address);
  spdlog::info("control socket {}", config.control_socket);
  if (!server->metrics_url().empty())
    spdlog::info("metrics {}", server->metrics_url());
  host::notify("READY=1");

  int signal = 0;
  sigwait(&signals, &signal);
  spdlog::info("ending: clients are answered, everything is flushed");
  host::notify("STOPPING=1");
  server->stop();
  const bool well = node.stop();
  spdlog::info(well ? "ended" : "ended, but not everything could be written: see above");
  return well ? 0 : exit_failed;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"A forerun node: serves volumes over NBD, and moves their blocks before they are asked for."};
  std::string file;
  std::string data_dir;
  bool check = false;
  app.add_option("--config", file, "Configuration (TOML); docs/configuration.md is its manual");
  app.add_option("--data-dir", data_dir, "Where the node keeps its data, without a configuration");
  app.add_flag("--check", check, "Read the configuration, say what is wrong with it, and end");
  app.set_version_flag("--version", FORERUN_VERSION);
  app.footer(
      "Without options the node keeps its data in the user's state folder, listens on a unix socket there,\n"
      "and `forerun` finds it. Exit codes: 0 ended in order, 1 failed, 2 wrong usage or configuration.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_usage;
  }
  const auto config = configuration(file, data_dir);
  if (!config)
    return exit_usage;
  if (check)
    return 0;
  return run(*config);
}
