// Our server over a device in memory, until SIGTERM or SIGINT: nbd_memory ADDRESS BYTES [IO_THREADS].
#include "tests/unit/nbd/memory_device.hpp"
#include "tests/unit/nbd/stage.hpp"
#include <csignal>
#include <cstdio>

int main(int count, char** words) try {
  using namespace forerun;
  if (count < 3) {
    std::fprintf(stderr, "usage: %s ADDRESS BYTES [IO_THREADS]\n", words[0]);
    return 2;
  }
  // Before any thread is there, so that all of them leave the signals to the wait below.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  const nbd::steady_clock time;
  nbd::exports_map names;
  names.add(std::make_shared<nbd::memory_device>(nbd::export_info{
      .name = "", .description = "memory", .bytes = std::stoull(words[2]), .read_only = false}));
  nbd::server_options options;
  if (count > 3)
    options.io_threads = static_cast<std::uint32_t>(std::stoul(words[3]));
  nbd::server server{names, time, options};
  const auto where = parse_address(words[1]);
  if (!where || !server.add_listener(where.value())) {
    std::fprintf(stderr, "nbd_memory: cannot listen on %s\n", words[1]);
    return 1;
  }
  int signal = 0;
  ::sigwait(&ends, &signal);
  server.stop();
} catch (const std::exception& fault) {
  std::fprintf(stderr, "nbd_memory: %s\n", fault.what());
  return 1;
}
