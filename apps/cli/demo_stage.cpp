#include "apps/cli/demo.hpp"
#include "runtime/nbd/client.hpp"
#include "runtime/origin/pattern.hpp"
#include "runtime/replay/load.hpp"
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace forerun::cli {

namespace {

constexpr std::uint64_t pattern_seed = 7;
constexpr auto start_max = std::chrono::seconds{20};
constexpr auto look_every = std::chrono::milliseconds{20};

/// Waits until something is there; throws when it takes too long or a program it depends on has ended.
void await(const std::string& what, process& of, const std::string& log, const std::function<bool()>& there) {
  const auto until = std::chrono::steady_clock::now() + start_max;
  while (!there()) {
    if (!of.running() || std::chrono::steady_clock::now() > until) {
      std::ifstream in{log};
      const std::string said{std::istreambuf_iterator<char>{in}, {}};
      throw std::runtime_error(fmt::format("{} did not start:\n{}", what, said));
    }
    std::this_thread::sleep_for(look_every);
  }
}

template <class T> T value(control::answer<T> answer) {
  if (const auto* failed = std::get_if<control::failure>(&answer))
    throw std::runtime_error(failed->what + (failed->remedy.empty() ? "" : "\n  " + failed->remedy));
  return std::get<0>(std::move(answer));
}

control::volume_row row_of(control::client& node, const std::string& volume) {
  for (auto& row : value(node.volumes()))
    if (row.name == volume)
      return row;
  throw std::runtime_error("volume " + volume + " is gone");
}

} // namespace

demo_stage::demo_stage(const demo_options& options, std::uint64_t image_bytes, std::ostream& out)
    : options_(options), out_(out) {
  auto pattern = (std::filesystem::temp_directory_path() / "forerun-demo-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error("no folder can be made in " + std::filesystem::temp_directory_path().string());
  folder_ = pattern;
  const auto socket = folder_ + "/origin.sock";
  const auto source =
      options_.image.empty() ? fmt::format("pattern:{}?seed={}", image_bytes, pattern_seed) : options_.image;
  const auto log = folder_ + "/origin.log";
  origin_.emplace(std::vector<std::string>{program_folder() + "/forerun-origin", "--listen", "unix:" + socket,
                                           "--source", source, "--export", "image", "--delay", options_.delay,
                                           "--rate", options_.rate},
                  log);
  await("the slow origin", *origin_, log, [&] { return std::filesystem::exists(socket); });
  image_url_ = "nbd+unix:///image?socket=" + socket;
}

demo_stage::~demo_stage() {
  main_.program.reset();
  plain_.program.reset();
  origin_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void demo_stage::start(node& which, const std::string& name, bool prefetch) {
  which.folder = folder_ + "/" + name;
  const auto config = folder_ + "/" + name + ".toml";
  std::ofstream{config} << fmt::format("format = 1\ndata_dir = '{}'\n[prefetch]\nenabled = {}\n",
                                       which.folder, prefetch);
  const auto log = folder_ + "/" + name + ".log";
  which.program.emplace(std::vector<std::string>{program_folder() + "/forerun-node", "--config", config},
                        log);
  await("the node", *which.program, log, [&] {
    return std::filesystem::exists(which.folder + "/control.sock") &&
           std::holds_alternative<control::client>(control::client::connect(which.folder + "/control.sock"));
  });
}

demo_row demo_stage::run(const std::string& name, const std::string& recording, bool prefetch) {
  auto& on = prefetch ? main_ : plain_;
  if (!on.program)
    start(on, prefetch ? "node" : "plain-node", prefetch);
  auto trace = replay::load_trace(recording);
  if (!trace)
    throw std::runtime_error(fmt::format("the recording {}: {}", recording, to_string(trace.error())));
  // A client of the control socket lives no longer than a question: its thread can have one only.
  const auto ask = [&](auto question) {
    auto client = value(control::client::connect(on.folder + "/control.sock"));
    return question(client);
  };
  const auto volume = fmt::format("run-{}", ++volumes_);
  const auto before = ask([&](control::client& to) {
    return value(to.create_volume({volume, image_url_, std::nullopt, options_.program, "", false})).counters;
  });
  auto client = nbd::client::connect(parse_address("unix:" + on.folder + "/nbd.sock").value(), volume);
  if (!client)
    throw std::runtime_error(
        fmt::format("the node does not serve {}: {}", volume, to_string(client.error())));
  replay::replay_options options;
  options.speed = options_.speed;
  options.serial = options_.serial;
  if (options_.image.empty())
    options.content = [](std::uint64_t block, std::span<std::byte, block_bytes> out) {
      origin::pattern_block(pattern_seed, block, out);
    };
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  const auto shown = [](nanos time) { return std::chrono::duration<double>(time).count(); };
  options.on_progress = [&](const replay::progress& now) {
    const auto share =
        static_cast<double>(now.entries_done) / static_cast<double>(std::max<std::size_t>(1, now.entries));
    if (terminal)
      fmt::print(out_, "\r  {:<36} {:3.0f} %  {:5.1f} s, waited {:5.1f} s ", name, 100 * share,
                 shown(now.wall), shown(now.wall - now.think));
    out_.flush();
    return true;
  };
  auto saw = replay::run(client.value(), trace.value(), options);
  if (!saw)
    throw std::runtime_error(fmt::format("the replay of {}: {}", recording, to_string(saw.error())));
  { const auto leaving = std::move(client).value(); }
  // The run ends with its client; what it taught is learned before the next one begins.
  const auto after = ask([&](control::client& to) {
    for (;;) {
      const auto row = row_of(to, volume);
      if (row.connections == 0 && row.run == 0)
        return row.counters;
      std::this_thread::sleep_for(look_every);
    }
  });
  last_volume_ = volume;
  fmt::print(out_, "{}  {:<36} {:.1f} s, waited {:.2f} s\n", terminal ? "\r\033[K" : "", name,
             shown(saw.value().wall), shown(saw.value().wait));
  out_.flush();
  demo_row row{name,
               saw.value(),
               after.origin_bytes - before.origin_bytes,
               after.prefetched_blocks - before.prefetched_blocks,
               after.used_blocks - before.used_blocks,
               0};
  row.missed_blocks = after.missed_blocks - before.missed_blocks;
  return row;
}

void demo_stage::drop_caches() {
  auto client = value(control::client::connect(main_.folder + "/control.sock"));
  value(client.drop_cache());
}

bool demo_stage::running() {
  return main_.program && main_.program->running() && origin_->running();
}

void demo_stage::explain(std::ostream& out) {
  auto client = value(control::client::connect(main_.folder + "/control.sock"));
  const auto status = value(client.status());
  const auto socket = main_.folder + "/control.sock";
  fmt::print(out, R"(
The node goes on serving; end it with Ctrl-C. In another terminal:

  nbdinfo 'nbd+unix:///{0}?socket={1}/nbd.sock'
  qemu-system-x86_64 -m 512 -drive file='nbd+unix:///{0}?socket={1}/nbd.sock',format=raw,if=virtio
  {2}/forerun --socket {3} volume list
  {2}/forerun --socket {3} why {0} 0
  curl {4}
)",
             last_volume_, main_.folder, program_folder(), socket, status.metrics_url);
  out.flush();
}

} // namespace forerun::cli
