#include "runtime/control/metrics.hpp"
#include <doctest/doctest.h>
#include <fstream>
#include <set>
#include <sstream>

using namespace forerun;
using namespace forerun::control;

namespace {

std::string file(const char* name) {
  std::ifstream in(name);
  REQUIRE(in);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Every word of the text that begins with "forerun_".
std::set<std::string> names(const std::string& text) {
  std::set<std::string> found;
  for (std::size_t at = 0; (at = text.find("forerun_", at)) != std::string::npos;) {
    const auto end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at);
    found.insert(text.substr(at, end - at));
    at = end == std::string::npos ? text.size() : end;
  }
  return found;
}

volume_row volume(std::string name, std::uint64_t hits) {
  volume_row row;
  row.name = std::move(name);
  row.counters.hits = hits;
  return row;
}

} // namespace

TEST_CASE("figures carry their names, labels and kinds") {
  node_status node;
  node.version = "0.1.0";
  node.prefetch.threshold = 0.25;
  actor_row actor;
  actor.name = "forerun.volume";
  actor.state = "running";
  actor.restarts = 2;
  const auto text = prometheus_text(node, {volume("debian", 90)}, {actor, actor});
  CHECK(text.starts_with("# HELP forerun_info "));
  CHECK(text.find("\nforerun_info{version=\"0.1.0\"} 1\n") != std::string::npos);
  CHECK(
      text.find("\n# TYPE forerun_prefetch_threshold_ratio gauge\nforerun_prefetch_threshold_ratio 0.25\n") !=
      std::string::npos);
  CHECK(text.find("\nforerun_volume_reads_total{volume=\"debian\",outcome=\"hit\"} 90\n") !=
        std::string::npos);
  CHECK(text.find("\nforerun_actors{actor=\"forerun.volume\"} 2\n") != std::string::npos);
  CHECK(text.find("\nforerun_actor_restarts_total{actor=\"forerun.volume\"} 4\n") != std::string::npos);
}

TEST_CASE("a name cannot break out of its label") {
  const auto text = prometheus_text({}, {volume("a\"} 1\nforged{x=\"\\", 1)}, {});
  CHECK(text.find("\nforged") == std::string::npos);
  CHECK(text.find("volume=\"a\\\"} 1\\nforged{x=\\\"\\\\\",outcome=\"hit\"} 1") != std::string::npos);
}

TEST_CASE("volumes past the bound are added up") {
  std::vector<volume_row> volumes;
  for (std::size_t i = 0; i < metrics_volumes_max + 20; ++i)
    volumes.push_back(volume("v" + std::to_string(1000 + i), 1));
  const auto text = prometheus_text({}, volumes, {});
  CHECK(text.find("volume=\"v1099\",outcome=\"hit\"} 1\n") != std::string::npos);
  CHECK(text.find("volume=\"v1100\"") == std::string::npos);
  CHECK(text.find("volume=\"(others)\",outcome=\"hit\"} 20\n") != std::string::npos);
}

TEST_CASE("every metric stands in the manual, and manual and dashboard name no other") {
  const auto served = names(prometheus_text({}, {}, {}));
  CHECK(names(file("docs/metrics.md")) == served);
  for (const auto& name : names(file("packaging/grafana-dashboard.json")))
    CHECK_MESSAGE(served.contains(name), name);
}
