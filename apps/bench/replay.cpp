#include "runtime/replay/replay.hpp"
#include "runtime/origin/pattern.hpp"
#include "runtime/replay/load.hpp"
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>

// Replays a recorded boot against any NBD server and prints what the guest saw, as JSON. The same program,
// with the same pacing, meets forerun and its peers.

namespace {

using namespace forerun;

struct arguments {
  std::string at;
  std::string name;
  std::string trace;
  double speed = 10;
  bool serial = false;
  bool hold = false;
  std::optional<std::uint64_t> pattern_seed;
};

int fail(std::string_view what, errc why) {
  fmt::print(stderr, "bench-replay: {}: {}\n", what, to_string(why));
  return 1;
}

double seconds(nanos time) {
  return std::chrono::duration<double>(time).count();
}

void print(const replay::replay_report& saw) {
  fmt::print(
      R"({{"wall_s": {:.6f}, "think_s": {:.6f}, "wait_s": {:.6f}, "stall_s": {:.6f}, )"
      R"("read_p50_us": {:.1f}, "read_p99_us": {:.1f}, "reads": {}, "reads_waited": {}, "read_bytes": {}, )"
      R"("distinct_bytes": {}, "distinct_image_bytes": {}, "writes": {}, "failed": {}, )"
      R"("verified_blocks": {}, "mismatches": {}}})"
      "\n",
      seconds(saw.wall), seconds(saw.think), seconds(saw.wait), seconds(saw.stall),
      seconds(saw.read_p50) * 1e6, seconds(saw.read_p99) * 1e6, saw.reads, saw.reads_waited, saw.read_bytes,
      saw.distinct_bytes, saw.distinct_image_bytes, saw.writes, saw.failed, saw.contents.blocks,
      saw.contents.mismatches);
}

int run(const arguments& wanted) {
  const auto where = parse_address(wanted.at);
  if (!where)
    return fail(wanted.at, where.error());
  const auto recording = replay::load_trace(wanted.trace);
  if (!recording)
    return fail(wanted.trace, recording.error());
  auto over = nbd::client::connect(where.value(), wanted.name);
  if (!over)
    return fail(wanted.at, over.error());
  replay::replay_options options;
  options.speed = wanted.speed;
  options.serial = wanted.serial;
  if (wanted.pattern_seed)
    options.content = [seed = *wanted.pattern_seed](std::uint64_t block,
                                                    std::span<std::byte, block_bytes> out) {
      origin::pattern_block(seed, block, out);
    };
  const auto saw = replay::run(over.value(), recording.value(), options);
  if (!saw)
    return fail("replay", saw.error());
  print(saw.value());
  std::fflush(stdout);
  while (wanted.hold && std::getchar() != EOF) {
  }
  return 0;
}

} // namespace

int main(int count, char** values) {
  arguments wanted;
  CLI::App app{"Replays a recorded boot over NBD and prints what the guest saw"};
  app.add_option("--connect", wanted.at, "unix:PATH or tcp:HOST:PORT")->required();
  app.add_option("--export", wanted.name, "Name of the export");
  app.add_option("--trace", wanted.trace, "The recording, plain or gzip")->required();
  app.add_option("--speed", wanted.speed, "Think times are divided by this");
  app.add_flag("--serial", wanted.serial, "A guest that hardly overlaps its reads");
  app.add_flag("--hold", wanted.hold, "Stay connected until standard input ends");
  app.add_option("--pattern-seed", wanted.pattern_seed, "Verify reads against this pattern image");
  CLI11_PARSE(app, count, values);
  return run(wanted);
}
