#include "apps/cli/commands.hpp"
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace forerun;

namespace {

/// A folder that is gone at the end.
struct folder {
  folder() {
    std::string name = std::filesystem::temp_directory_path() / "forerun-replay-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path / name) << text;
    return path / name;
  }
  std::string read(const std::string& name) const {
    std::ifstream from(path / name);
    return {std::istreambuf_iterator<char>(from), {}};
  }
  std::filesystem::path path;
};

struct replayed {
  explicit replayed(std::vector<std::string> words) {
    std::vector<const char*> argv{"forerun", "replay"};
    for (const auto& each : words)
      argv.push_back(each.c_str());
    std::ostringstream to, bad;
    cli::context where{.out = to, .err = bad, .env = {}};
    code = cli::run(static_cast<int>(argv.size()), argv.data(), where);
    out = to.str();
    err = bad.str();
  }
  int code = 0;
  std::string out, err;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// One long read, block by block, each a millisecond behind the last, twice.
std::string scan(int blocks) {
  std::string text = "ts_us,volume,op,offset_bytes,length_bytes\n";
  for (int i = 0; i < 2 * blocks; ++i)
    text += std::to_string(i * 1000) + ",a,R," + std::to_string(i % blocks * 4096) + ",4096\n";
  return text;
}

} // namespace

TEST_CASE("a replay answers in words first, then by a table of all policies") {
  const folder here;
  const replayed got({here.file("scan.csv", scan(200))});
  CHECK(got.code == 0);
  CHECK(got.out.starts_with("With a cache of 80 KiB (10.0 % of what the trace touches), forerun leaves "));
  CHECK(has(got.out, "LRU without prefetch leaves 100.0 %"));
  CHECK(has(got.out, "Reads would wait "));
  CHECK(has(got.out, "It would move "));
  for (const auto* policy : {"lru", "lfu", "s3-fifo", "arc", "belady", "readahead", "streams", "leap",
                             "mithril", "successor", "forerun", "perfect"}) {
    CAPTURE(policy);
    CHECK(has(got.out, std::string("\n") + policy + " "));
  }
}

TEST_CASE("of a trace without times no stall is told") {
  const folder here;
  const replayed got({here.file("scan_ord.csv", scan(50)), "--json", here.path / "out.json"});
  CHECK(got.code == 0);
  CHECK(has(got.out, "The trace has no times: no stall is told"));
  CHECK(has(here.read("out.json"), "\"stall_ns\": null"));
  CHECK(has(here.read("out.json"), "\"timed\": false"));
}

TEST_CASE("LRU's stall is the delay of every read of a loop that is larger than the cache") {
  const folder here;
  const replayed got({here.file("scan.csv", scan(100)), "--policies", "lru", "--delay", "10ms", "--rate",
                      "1000Gbit", "--json", here.path / "out.json"});
  CHECK(got.code == 0);
  // 200 reads of 10 ms, and 33 ns each for the link.
  CHECK(has(here.read("out.json"), "\"stall_ns\": 20000064"));
}

TEST_CASE("broken rows are counted and named, and --strict refuses them") {
  const folder here;
  const auto file = here.file("scan.csv", scan(50) + "7,a,Q,0,4096\n");
  const replayed loose({file, "--policies", "lru"});
  CHECK(loose.code == 0);
  CHECK(has(loose.err, "1 rows are broken and left out"));
  CHECK(has(loose.err, "line 102: no such operation: 'Q'"));
  CHECK(replayed({file, "--policies", "lru", "--strict"}).code == 1);
}

TEST_CASE("keys that are new are missed by every policy but the limit") {
  const folder here;
  std::string text = "ts_ms,op,key,size,client\n";
  for (int i = 0; i < 300; ++i)
    text += std::to_string(i) + ",get,k" + std::to_string(i) + ",1,a\n";
  const auto file = here.file("new.csv", text);
  CHECK(replayed(
            {file, "--delay", "0requests", "--policies", "streams,forerun", "--json", here.path / "out.json"})
            .code == 0);
  const auto json = here.read("out.json");
  CHECK(has(json, "\"miss_ratio\": 1,"));
  CHECK_FALSE(has(json, "\"miss_ratio\": 0."));
  // An earlier run has named them.
  CHECK(replayed({file, "--train", file, "--delay", "0requests", "--policies", "streams", "--json",
                  here.path / "out.json"})
            .code == 0);
  CHECK(has(here.read("out.json"), "\"miss_ratio\": 0."));
}

TEST_CASE("the cap of traffic, the waste and the cost of predicting are told") {
  const folder here;
  // Runs of two to eight blocks, ever elsewhere: some of what is read ahead is in vain.
  std::string text = "ts_us,volume,op,offset_bytes,length_bytes\n";
  for (std::uint64_t run = 0; run < 3000; ++run)
    for (std::uint64_t i = 0; i < 2 + run * 31 % 7; ++i)
      text += std::to_string(run * 10 + i) + ",a,R," +
              std::to_string((run * 7919 % 100'003 * 64 + i) * 4096) + ",4096\n";
  const auto file = here.file("runs.csv", text);
  const auto figure = [](const std::string& json, const std::string& name) {
    const auto at = json.find("\"" + name + "\": ");
    REQUIRE(at != std::string::npos);
    return std::atof(json.c_str() + at + name.size() + 4);
  };
  const auto ours = [&](const std::string& cap) {
    const replayed got({file, "--delay", "0requests", "--traffic", cap, "--policies", "lru,forerun", "--json",
                        here.path / "out.json"});
    CHECK(got.code == 0);
    const auto json = here.read("out.json");
    CHECK(figure(json, "predict_ns_per_touch") == 0); // LRU's.
    return json.substr(json.find("\"policy\": \"forerun\""));
  };
  const auto tight = ours("1"), loose = ours("1.3");
  CHECK(figure(tight, "prefetched") < 0.9 * figure(loose, "prefetched"));
  CHECK(figure(loose, "predict_ns_per_touch") > 0);
  // Nothing is read twice, so LRU misses all of it.
  CHECK(figure(loose, "waste") ==
        doctest::Approx(figure(loose, "wasted") / (figure(loose, "demand_misses") + figure(loose, "used"))));
}

TEST_CASE("an earlier run teaches forerun, and another policy nothing") {
  const folder here;
  // Blocks in an order that no stream explains.
  std::string text = "ts_us,volume,op,offset_bytes,length_bytes\n";
  for (int i = 0; i < 400; ++i)
    text += std::to_string(i * 20'000) + ",a,R," + std::to_string(i * 7919 % 4001 * 4096) + ",4096\n";
  const auto file = here.file("run.csv", text);
  const auto misses = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {file, "--policies", "forerun,successor", "--cache", "100%", "--json",
                                 here.path / "out.json"});
    CHECK(replayed(words).code == 0);
    const auto json = here.read("out.json");
    std::vector<int> all;
    for (auto at = json.find("demand_misses\": "); at != std::string::npos;
         at = json.find("demand_misses\": ", at + 1))
      all.push_back(std::atoi(json.c_str() + at + 16));
    REQUIRE(all.size() == 2);
    return all;
  };
  const auto alone = misses({});
  const auto taught = misses({"--train", file});
  CHECK(alone[1] == 400);
  CHECK(taught[1] == 400);
  CHECK(taught[0] < alone[0] / 10);
}

TEST_CASE("the page of a replay needs nothing from outside") {
  const folder here;
  const replayed got({here.file("a<b.csv", scan(200)), "--policies", "lru,readahead,forerun", "--report",
                      here.path / "out.html"});
  CHECK(got.code == 0);
  const auto page = here.read("out.html");
  CHECK(page.starts_with("<!doctype html>"));
  CHECK(page.ends_with("</html>\n"));
  CHECK(has(page, "a&lt;b"));
  CHECK(has(page, "Misses over the size of the cache"));
  CHECK(has(page, "Stall along the trace"));
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(has(page, "http"));
}

TEST_CASE("sizes, delays, rates and columns that are none are told before anything is read") {
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--cache", "0%"},
                                                {"--cache", "101%"},
                                                {"--cache", "10"},
                                                {"--delay", "5"},
                                                {"--rate", "1MB"},
                                                {"--policies", "best"},
                                                {"--traffic", "0.9"},
                                                {"--columns", "key=0"},
                                                {"--format", "tar"}}) {
    auto words = wrong;
    words.push_back("absent.csv");
    CAPTURE(wrong[0] + " " + wrong[1]);
    CHECK(replayed(words).code == 2);
  }
  CHECK(replayed({"absent.csv"}).code == 1);
}

TEST_CASE("a table of its own columns is played") {
  const folder here;
  const replayed got({here.file("own.csv", "k\na\nb\na\n"), "--columns", "key=1", "--policies", "lru",
                      "--cache", "2keys", "--json", here.path / "out.json"});
  CHECK(got.code == 0);
  CHECK(has(here.read("out.json"), "\"footprint\": 3"));
}
