#include "apps/cli/commands.hpp"
#include <cstdlib>
#include <exception>
#include <iostream>

int main(int argc, char** argv) {
  try {
    const auto* socket = std::getenv("FORERUN_SOCKET");
    forerun::cli::context where{.out = std::cout,
                                .err = std::cerr,
                                .env = forerun::config::process_environment(),
                                .socket = socket == nullptr ? "" : socket};
    return forerun::cli::run(argc, argv, where);
  } catch (const std::exception& broken) {
    std::cerr << "forerun: " << broken.what() << '\n';
    return forerun::cli::exit_failed;
  }
}
