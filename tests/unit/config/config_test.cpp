#include "runtime/config/config.hpp"
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>

using namespace forerun;
using namespace forerun::config;
using namespace std::chrono_literals;

namespace {

const environment somebody{.home = "/home/u", .state_home = ""};

node_config accepted(std::string_view text) {
  auto loaded = load_config(text, "node.toml", somebody);
  if (const auto* wrong = std::get_if<1>(&loaded))
    FAIL(wrong->front().text());
  return std::get<0>(std::move(loaded));
}

std::vector<diagnostic> refused(std::string_view text) {
  auto loaded = load_config(text, "node.toml", somebody);
  if (loaded.index() == 0)
    FAIL("accepted: " << text);
  return std::get<1>(std::move(loaded));
}

/// The one problem of `text`, as a person reads it.
std::string problem(std::string_view text) {
  const auto found = refused(text);
  CHECK_MESSAGE(found.size() == 1, text);
  CHECK(!found.front().remedy.empty());
  return found.front().text();
}

} // namespace

TEST_CASE("an empty file gives the defaults") {
  const auto config = accepted("");
  CHECK(config.data_dir == "/home/u/.local/state/forerun");
  CHECK(config.control_socket == "/home/u/.local/state/forerun/control.sock");
  CHECK(config.nbd_socket == "/home/u/.local/state/forerun/nbd.sock");
  CHECK(config.nbd.io_threads == 2);
  CHECK(config.memory.pool_bytes == 64u << 20);
  CHECK(config.memory.policy == cache::policy_kind::s3_fifo);
  CHECK(config.disk.cache_bytes == 10ull << 30);
  CHECK(config.disk.overlay_bytes == 100ull << 30);
  CHECK(config.prefetch.waste_horizon == 600s);
  CHECK(config.metrics_listen == "tcp:127.0.0.1:0");
}

TEST_CASE("the data folder follows the XDG rules") {
  CHECK(default_data_dir({"/home/u", "/state"}) == "/state/forerun");
  CHECK(default_data_dir({"/home/u", "relative"}) == "/home/u/.local/state/forerun");
  CHECK(default_data_dir({"", ""}) == "/var/lib/forerun");
}

TEST_CASE("every key is taken") {
  const auto config = accepted(R"(
format = 1
data_dir = "~/forerun"
nbd_socket = "/run/nbd.sock"
[nbd]
io_threads = 4
connections_max = 10
inflight_bytes_max = "8 MiB"
insecure = true
listen = ["unix:/run/more.sock", "tcp:0.0.0.0:10809"]
[memory]
pool = "1 GiB"
policy = "lru"
[disk]
cache = 1073741824
policy = "lfu"
overlay = "1T"
[prefetch]
enabled = false
bandwidth_share = 0.5
threshold_min = 0.1
threshold_max = 0.8
traffic_cap = 2
waste_horizon = "10min"
[origin]
timeout = "500ms"
retries = 0
[provenance]
enabled = false
audit = "strict"
keep_bytes = "2 GiB"
keep_age = "90d"
anchor_every = "1min"
key = "~/keys/log"
[metrics]
listen = "off"
[log]
level = "debug"
[[volume]]
name = "debian"
image = "https://example.org/debian.img"
size = "20 GiB"
program = "gcc"
listen = ["unix:/run/debian.sock"]
read_only = true
audit = "relaxed"
[[volume]]
name = "scratch"
size = "1 GiB"
)");
  CHECK(config.data_dir == "/home/u/forerun");
  CHECK(config.control_socket == "/home/u/forerun/control.sock");
  CHECK(config.nbd_socket == "/run/nbd.sock");
  CHECK(config.nbd.listen == std::vector<std::string>{"unix:/run/more.sock", "tcp:0.0.0.0:10809"});
  CHECK(config.nbd.inflight_bytes_max == 8u << 20);
  CHECK(config.memory.policy == cache::policy_kind::lru);
  CHECK(config.disk.cache_bytes == 1u << 30);
  CHECK(config.disk.overlay_bytes == 1ull << 40);
  CHECK(!config.prefetch.enabled);
  CHECK(config.prefetch.traffic_cap == 2);
  CHECK(config.prefetch.waste_horizon == 600s);
  CHECK(config.origin.timeout == 500ms);
  CHECK(config.origin.retries == 0);
  CHECK(config.provenance.audit == audit_policy::strict);
  CHECK(config.provenance.keep_bytes == 2ull << 30);
  CHECK(config.provenance.keep_age == 90 * 24h);
  CHECK(config.provenance.anchor_every == 1min);
  CHECK(config.provenance.key == "/home/u/keys/log");
  CHECK(config.metrics_listen.empty());
  CHECK(config.log == log_level::debug);
  REQUIRE(config.volumes.size() == 2);
  CHECK(config.volumes[0].program == "gcc");
  CHECK(config.volumes[0].bytes == 20ull << 30);
  CHECK(config.volumes[0].read_only);
  CHECK(config.volumes[0].audit == audit_policy::relaxed);
  CHECK(config.volumes[1].audit == audit_policy::unset);
  CHECK(config.volumes[1].image.empty());
}

TEST_CASE("an unknown key is refused with its place and the nearest name") {
  CHECK(problem("[memory]\n  pol = \"1 GiB\"\n") ==
        "node.toml:2:3: unknown key \"pol\" in [memory]; did you mean \"pool\"?");
  CHECK(problem("\ndatadir = \"/x\"\n") ==
        "node.toml:2:1: unknown key \"datadir\"; did you mean \"data_dir\"?");
  CHECK(problem("colour = 1\n") ==
        "node.toml:1:1: unknown key \"colour\"; remove it; docs/configuration.md has every key");
  CHECK(problem("[[volume]]\nname = \"a\"\nsize = 1\nreadonly = true\n") ==
        "node.toml:4:1: unknown key \"readonly\" in [volume]; did you mean \"read_only\"?");
}

TEST_CASE("a bad value is refused with its place and what to write") {
  CHECK(problem("[memory]\npool = \"lots\"") ==
        "node.toml:2:8: [memory] pool is no size; write a size such as \"64 MiB\", or a number of bytes");
  CHECK(problem("[memory]\npool = -1") ==
        "node.toml:2:8: [memory] pool is no size; write a size such as \"64 MiB\", or a number of bytes");
  CHECK(problem("[memory]\npool = \"4 KiB\"") ==
        "node.toml:2:8: [memory] pool is out of its range; write a size from \"1.0 MiB\" to \"1.0 TiB\"");
  CHECK(problem("[memory]\npolicy = \"clock\"") == "node.toml:2:10: [memory] policy is none of its choices; "
                                                   "write one of \"s3-fifo\", \"lru\", \"lfu\", \"arc\"");
  CHECK(problem("[nbd]\nio_threads = 0") ==
        "node.toml:2:14: [nbd] io_threads is out of its range; write a whole number from 1 to 16");
  CHECK(problem("[nbd]\nio_threads = \"2\"") ==
        "node.toml:2:14: [nbd] io_threads is out of its range; write a whole number from 1 to 16");
  CHECK(problem("[prefetch]\nenabled = 1") ==
        "node.toml:2:11: [prefetch] enabled is neither true nor false; write true or false, without quotes");
  CHECK(problem("[prefetch]\ntraffic_cap = 0.5") ==
        "node.toml:2:15: [prefetch] traffic_cap is out of its range; write a number from 1 to 100");
  CHECK(problem("[prefetch]\nbandwidth_share = nan") ==
        "node.toml:2:19: [prefetch] bandwidth_share is out of its range; write a number from 0.01 to 1");
  CHECK(
      problem("[origin]\ntimeout = 10") ==
      "node.toml:2:11: [origin] timeout is no duration; write a duration with its unit, such as \"10ms\" or "
      "\"600s\"");
  CHECK(problem("[origin]\ntimeout = \"1ms\"") ==
        "node.toml:2:11: [origin] timeout is out of its range; write a duration from \"10ms\" to \"3600s\"");
  CHECK(problem("data_dir = \"state\"") ==
        "node.toml:1:12: data_dir is no absolute path; write a path that begins with \"/\" or \"~/\"");
  CHECK(problem("memory = 1").starts_with("node.toml:1:10: memory is no section; write [memory]"));
  CHECK(problem("volume = 1").starts_with("node.toml:1:10: volume is no list of sections; write [[volume]]"));
}

TEST_CASE("a threshold range that is empty is refused") {
  CHECK(problem("[prefetch]\nthreshold_min = 0.9\nthreshold_max = 0.5")
            .starts_with("node.toml:2:17: [prefetch] threshold_min leaves nothing between"));
  CHECK(problem("[prefetch]\nthreshold_max = 0.01")
            .starts_with("node.toml:2:17: [prefetch] threshold_max leaves"));
}

TEST_CASE("an address that others can reach needs insecure = true") {
  const auto text = problem("[nbd]\nlisten = [\"unix:/a\", \"tcp:0.0.0.0:10809\"]");
  CHECK(text.starts_with(
      "node.toml:2:22: [nbd] listen: \"tcp:0.0.0.0:10809\" can be reached from other machines"));
  CHECK(text.find("insecure = true") != std::string::npos);
  accepted("[nbd]\ninsecure = true\nlisten = [\"tcp:0.0.0.0:10809\"]");
  CHECK(problem("[metrics]\nlisten = \"tcp:[::]:9100\"").find("insecure = true") != std::string::npos);
  CHECK(problem("[metrics]\nlisten = \"unix:/m\"").find("unix socket") != std::string::npos);
  CHECK(problem("[nbd]\nlisten = [\"unix:relative\"]").find("absolute path") != std::string::npos);
  CHECK(problem("[nbd]\nlisten = [\"unix:/a\", \"unix:/a\"]").find("twice") != std::string::npos);
  CHECK(problem("[nbd]\nlisten = \"unix:/a\"").find("no list of addresses") != std::string::npos);
}

TEST_CASE("a volume needs a name of its own, and an image or a size") {
  CHECK(problem("[[volume]]\nsize = \"1 GiB\"").find("has no name") != std::string::npos);
  CHECK(problem("[[volume]]\nname = \"a\"").find("neither image nor size") != std::string::npos);
  CHECK(
      problem("[[volume]]\nname = \"a/b\"\nsize = 1").starts_with("node.toml:2:8: [volume] name is no name"));
  CHECK(problem("[[volume]]\nname = \"a\"\nimage = \"/x.img\"").find("file:") != std::string::npos);
  CHECK(problem("[[volume]]\nname = \"a\"\nsize = 1\n[[volume]]\nname = \"a\"\nsize = 1")
            .starts_with("node.toml:5:8: [volume] name is there twice"));
  CHECK(
      problem("[[volume]]\nname = \"a\"\nsize = 1\nlisten = [\"unix:/s\"]\n[[volume]]\nname = \"b\"\nsize = "
              "1\nlisten = [\"unix:/s\"]")
          .find("which is taken") != std::string::npos);
}

TEST_CASE("a configuration of tomorrow's version is refused with that one reason") {
  CHECK(problem("format = 2\ncolour = \"blue\"") == "node.toml:1:10: format 2 is newer than this build, "
                                                    "which reads up to 1; use a newer forerun, or write the "
                                                    "file for this one and set format = 1");
  CHECK(problem("format = \"new\"") == "node.toml:1:10: format is no version; write format = 1");
}

TEST_CASE("text that is not TOML is refused with its place") {
  CHECK(problem("[memory\npool = 1").starts_with("node.toml:1:8: "));
  CHECK(problem("a = 1\na = 2").starts_with("node.toml:2:"));
  CHECK(problem("[*memory]\n").starts_with("node.toml:1:"));
  CHECK(problem(std::string("a\0b", 3)).starts_with("node.toml:1:"));
  CHECK(problem(std::string(text_bytes_max + 1, '\n')).starts_with("node.toml: the file has"));
  CHECK(problem("a = " + std::string(100'000, '[')).starts_with("node.toml:1:"));
}

TEST_CASE("all problems are told at once, in the order of the file") {
  const auto found = refused("[nbd]\nio_threads = 99\n[memory]\npool = true\nx = 1\n");
  REQUIRE(found.size() == 3);
  CHECK(found[0].line == 2);
  CHECK(found[1].line == 4);
  CHECK(found[2].line == 5);
}

TEST_CASE("the number of problems told is bounded") {
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += "unknown_" + std::to_string(i) + " = 1\n";
  CHECK(refused(text).size() == diagnostics_max);
}

TEST_CASE("a socket path that no socket can have is refused") {
  const auto folder = "/" + std::string(100, 'x');
  const auto found = refused("data_dir = \"" + folder + "\"");
  REQUIRE(found.size() == 2);
  CHECK(found[0].what.find("at most 107") != std::string::npos);
  accepted("data_dir = \"" + folder + "\"\ncontrol_socket = \"/run/c\"\nnbd_socket = \"/run/n\"");
}

TEST_CASE("anchors are set at most once a second, or not at all") {
  CHECK(problem("[provenance]\nanchor_every = \"999ms\"\n") ==
        "node.toml:2:16: [provenance] anchor_every is less than a second; write a duration from \"1s\", or "
        "\"0\" "
        "for no anchors");
  CHECK(accepted("[provenance]\nanchor_every = \"0\"\n").provenance.anchor_every == 0s);
  CHECK(accepted("").provenance.key == accepted("").data_dir + "/provenance.key");
}

TEST_CASE("every key stands in the manual, and the manual has no other") {
  std::ifstream file("docs/configuration.md");
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  // The manual's rows begin with | `key` |, under the headings ## `[section]`.
  std::vector<std::string> documented;
  std::string section;
  for (std::string line; std::getline(text, line);) {
    const auto code = [&line](std::string_view before) {
      const auto end = line.find('`', before.size());
      return line.starts_with(before) ? line.substr(before.size(), end - before.size()) : std::string{};
    };
    if (line.starts_with("## "))
      section = code("## `[").empty() ? "" : line.substr(line.find_first_not_of("# `["));
    if (const auto end = section.find(']'); end != std::string::npos)
      section.resize(end);
    if (const auto key = code("| `"); !key.empty())
      documented.push_back(section.empty() ? key : section + "." + key);
  }
  CHECK(documented == known_keys());
}
