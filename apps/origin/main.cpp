#include "apps/origin/served_source.hpp"
#include "runtime/base/units.hpp"
#include "runtime/nbd/server.hpp"
#include "runtime/origin/open.hpp"
#include "runtime/origin/slow.hpp"
#include <CLI/CLI.hpp>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>

// Offers any image source over NBD, made far and slow on request. Forerun and its peers meet the very same
// origin in the benches.

namespace {

using namespace forerun;

struct arguments {
  std::string listen;
  std::string source;
  std::string name;
  std::string delay = "0";
  std::string rate;
  std::uint64_t fail_every = 0;
};

class machine_clock final : public clock {
public:
  instant now() const override { return instant(std::chrono::steady_clock::now().time_since_epoch()); }
  wall_time wall() const override {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<nanos>(since).count()};
  }
};

int fail(std::string_view what) {
  fmt::print(stderr, "forerun-origin: {}\n", what);
  return 1;
}

void print(const origin::traffic& passed) {
  fmt::print("{{\"requests\": {}, \"bytes\": {}, \"failed\": {}}}\n", passed.requests, passed.bytes,
             passed.failed);
  std::fflush(stdout);
}

/// SIGUSR1 prints what went over the link; SIGTERM and SIGINT end it.
void wait_for_end(const origin::slow_source& from, const sigset_t& signals) {
  int got = 0;
  while (::sigwait(&signals, &got) == 0 && got == SIGUSR1)
    print(from.passed());
}

int serve(const arguments& wanted, const sigset_t& signals) {
  const auto delay = parse_duration(wanted.delay);
  const auto rate = wanted.rate.empty() ? result<std::uint64_t>(0) : parse_rate(wanted.rate);
  if (!delay)
    return fail(fmt::format("--delay {}: write a time such as 10ms", wanted.delay));
  if (!rate || (rate.value() == 0 && !wanted.rate.empty()))
    return fail(fmt::format("--rate {}: write bits in a second such as 1Gbit", wanted.rate));
  const auto where = parse_address(wanted.listen);
  if (!where)
    return fail(fmt::format("--listen {}: write unix:PATH or tcp:127.0.0.1:PORT", wanted.listen));
  const auto opened = origin::open_source(wanted.source, {});
  if (!opened)
    return fail(opened.error().text);
  auto slowed = std::make_shared<origin::slow_source>(opened.value(),
                                                      origin::slowness{.delay = delay.value(),
                                                                       .bits_per_second = rate.value(),
                                                                       .fail_every = wanted.fail_every});

  const machine_clock time;
  origin::single_export names;
  nbd::server_options options;
  options.session.requests_open_max = 4096; // As many as clients care to send: the link is what limits.
  options.session.bytes_open_max = 256u << 20;
  nbd::server server(names, time, options);
  const auto device = std::make_shared<origin::served_source>(wanted.name, slowed, server);
  names.offer(device);
  const auto listening = server.add_listener(where.value());
  if (!listening)
    return fail(fmt::format("cannot listen on {}: {}", wanted.listen, to_string(listening.error())));
  fmt::print("listening on {}\n", server.where(listening.value()).value().text());
  std::fflush(stdout);
  wait_for_end(*slowed, signals);
  server.stop();
  print(slowed->passed());
  slowed.reset();
  device->end(); // Answers what is open, while there is still a server to answer to.
  return 0;
}

} // namespace

int main(int count, char** values) {
  arguments wanted;
  CLI::App app{"Serves an image source over NBD, read-only and as slow as you like"};
  app.add_option("--listen", wanted.listen, "unix:PATH or tcp:127.0.0.1:PORT")->required();
  app.add_option("--source", wanted.source, "file:/path, pattern:SIZE?seed=N, nbd://host/export, http://...")
      ->required();
  app.add_option("--export", wanted.name, "Name of the export");
  app.add_option("--delay", wanted.delay, "Time before each answer, e.g. 10ms");
  app.add_option("--rate", wanted.rate, "Bandwidth of the link, e.g. 1Gbit");
  app.add_option("--fail-every", wanted.fail_every, "Every so-manieth request fails");
  CLI11_PARSE(app, count, values);
  // Before any thread starts, so that none of them takes a signal.
  sigset_t signals;
  sigemptyset(&signals);
  for (const auto each : {SIGTERM, SIGINT, SIGUSR1})
    sigaddset(&signals, each);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return serve(wanted, signals);
}
