#include "runtime/provenance/export_graph.hpp"
#include "runtime/provenance/export_records.hpp"
#include "tests/unit/provenance/record_list.hpp"
#include <array>
#include <cstdio>
#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <unistd.h>

using namespace forerun;
using namespace forerun::provenance;

namespace {

/// Files for the readers of others, removed at the end.
struct folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("forerun-exports-{}", ::getpid());

  folder() { std::filesystem::create_directories(path); }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() { std::filesystem::remove_all(path); }

  std::string put(std::string_view name, std::string_view text) const {
    std::ofstream{path / name, std::ios::binary} << text;
    return (path / name).string();
  }
};

/// What a command prints; it must succeed.
std::string printed_by(const std::string& command) {
  auto* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string got;
  std::array<char, 65536> part;
  for (std::size_t count; (count = std::fread(part.data(), 1, part.size(), pipe)) > 0;)
    got.append(part.data(), count);
  CHECK_MESSAGE(::pclose(pipe) == 0, command);
  return got;
}

/// The first Python that can import it, preferably the system's, where Debian puts its packages.
std::string python_with(std::string_view package) {
  for (const auto* python : {"/usr/bin/python3", "python3"})
    if (std::system(fmt::format("{} -c 'import {}' 2>/dev/null", python, package).c_str()) == 0)
      return python;
  return {};
}

constexpr std::string_view hostile = "a\"b\\N,c\r\nd&lt;<x>|{}'\t\xff\xef\xbf\xbe\xef\xbf\xbf\x1b%=";
constexpr std::string_view zero{"=1\0'", 4};

context who(std::string program, std::string user = "ann") {
  return {.by = {.vm = "alpha", .program = std::move(program), .user = std::move(user), .node = 7},
          .run = {~std::uint64_t{0}},
          .space = 3};
}

/// One run of hostile names that reads what a plain one wrote, and something as it began, and writes.
record_list small_log() {
  record_list log;
  log.add(who("cc1"), operation::write, {5, 8});
  log.add(who(std::string{hostile}, "\xc3\xbc."), operation::read, {4, 2}, outcome::hit);
  log.add(who(std::string{hostile}, "\xc3\xbc."), operation::write, {20, 1});
  log.all[0].what.written[0] = 0xab;
  log.all[0].what.version = 12;
  log.all[1].what.latency = nanos{1'234'567};
  log.all[2].what.value = zero;
  return log;
}

version_id last_of(const record_list& log) {
  return {{element_kind::block, 3, log.all.back().what.where.first}, log.all.size() - 1};
}

} // namespace

TEST_CASE("a record is a line of JSON") {
  const auto log = small_log();
  std::string text;
  append_json_line(text, log.all[0]);
  CHECK(text ==
        R"({"position":0,"time":"2023-11-14T22:13:20.000000000Z","time_ns":1700000000000000000,"vm":"alpha",)"
        R"("program":"cc1","user":"ann","node":7,"run":18446744073709551615,"kind":"block","space":3,)"
        R"("operation":"WRITE","first":5,"count":8,"bytes":32768,"outcome":"none","latency_us":0,)"
        R"("digest":"ab000000000000000000000000000000","version":12,"value":"","value_hex":""})"
        "\n");
}

TEST_CASE("a record is a line of CSV, quoted where needed") {
  const auto log = small_log();
  std::string text;
  append_csv_line(text, log.all[1]);
  CHECK(
      text ==
      "1,2023-11-14T22:13:20.001000000Z,1700000000001000000,alpha,\"a\"\"b\\N,c\r\nd&lt;<x>|{}'\t\xef\xbf\xbd"
      "\xef\xbf\xbe\xef\xbf\xbf\x1b%=\",\xc3\xbc.,7,18446744073709551615,block,3,READ,4,2,8192,hit,1234,,0,,"
      "\n");
  const auto heading = csv_heading();
  CHECK(std::count(heading.begin(), heading.end(), ',') == 19);
}

TEST_CASE("times of all ages are written") {
  record_list log;
  const auto time_of = [&](std::int64_t ns) {
    log.write(1, {1, 1});
    log.all.back().what.at = {ns};
    std::string text;
    append_csv_line(text, log.all.back());
    return text.substr(text.find(',') + 1, 30);
  };
  CHECK(time_of(0) == "1970-01-01T00:00:00.000000000Z");
  CHECK(time_of(-1) == "1969-12-31T23:59:59.999999999Z");
  CHECK(time_of(951'782'400'000'000'000) == "2000-02-29T00:00:00.000000000Z");
  CHECK(time_of(std::numeric_limits<std::int64_t>::max()) == "2262-04-11T23:47:16.854775807Z");
  CHECK(time_of(std::numeric_limits<std::int64_t>::min()) == "1677-09-21T00:12:43.145224192Z");
}

TEST_CASE("Python reads the same from JSON lines and CSV, whatever the names") {
  const auto python = python_with("csv");
  if (python.empty()) {
    MESSAGE("skipped: there is no python3");
    return;
  }
  auto log = small_log();
  for (int first = 0; first < 256; ++first) {
    const std::string name{static_cast<char>(first), 'x', static_cast<char>(first)};
    log.add(who(name, "\"" + name), operation::read, {1, 1});
    log.all.back().what.value = name;
  }
  std::string lines;
  std::string rows{csv_heading()};
  for (const auto& it : log.all) {
    append_json_line(lines, it);
    append_csv_line(rows, it);
  }
  const folder files;
  const auto got = printed_by(fmt::format("{} tests/support/read_exports.py records '{}' '{}'", python,
                                          files.put("lines", lines), files.put("rows", rows)));
  CHECK(std::count(got.begin(), got.end(), '\n') == static_cast<std::ptrdiff_t>(log.all.size()));
  CHECK(got.find(R"("program": "a\"b\\N,c\r\nd&lt;<x>|{}'\t\ufffd\ufffe\uffff\u001b%=")") != got.npos);
  CHECK(got.find(R"("value": "\ufffdx\ufffd", "value_hex": "ff78ff")") != got.npos);
}

TEST_CASE("a PROV reader finds all of a graph in PROV-JSON, whatever the names") {
  const auto log = small_log();
  const auto text = to_prov_json(ancestors(log, last_of(log)).value());
  CHECK(text.find("\"forerun:block/3/20@2\"") != text.npos);
  CHECK(text.find("\"forerun:block/3/5-12@0\"") != text.npos);
  CHECK(text.find("\"forerun:block/3/all@start\"") != text.npos);
  CHECK(text.find("\"forerun:agent/user/%C3%BC%2E\"") != text.npos);
  const auto python = python_with("prov.model");
  if (python.empty()) {
    MESSAGE("skipped: there is no Python package prov (Debian: python3-prov)");
    return;
  }
  const folder files;
  const auto got =
      printed_by(fmt::format("{} tests/support/read_exports.py prov '{}'", python, files.put("prov", text)));
  CHECK(got ==
        "ProvActivity 2\nProvAgent 5\nProvAssociation 6\nProvAttribution 6\nProvDerivation 2\nProvEntity 3\n"
        "ProvGeneration 2\nProvUsage 2\n"
        "forerun:agent/program/"
        "a%22b%5CN%2Cc%0D%0Ad%26lt%3B%3Cx%3E%7C%7B%7D%27%09%FF%EF%BF%BE%EF%BF%BF%1B%25%3D "
        "\"a\\\"b\\\\N,c\\r\\nd&lt;<x>|{}'\\t\\ufffd\\ufffe\\uffff\\u001b%=\"\n"
        "forerun:agent/program/cc1 \"cc1\"\nforerun:agent/user/%C3%BC%2E \"\\u00fc.\"\n"
        "forerun:agent/user/ann \"ann\"\nforerun:agent/vm/alpha \"alpha\"\n"
        "missing []\ntimes ['2023-11-14 22:13:20.001000+00:00']\n");
}

TEST_CASE("PROV-JSON says what was removed and what is missing") {
  record_list log;
  log.write(1, {1, 1});
  log.remove(2, {1, 1});
  log.read(3, {1, 1});
  const version_id first{{element_kind::block, 1, 1}, 0};
  const auto whole = to_prov_json(descendants(log, first).value());
  CHECK(whole.find("\"_:wasInvalidatedBy1\"") != whole.npos);
  CHECK(whole.find("\"forerun:graphComplete\": {\n        \"$\": \"true\"") != whole.npos);
  const auto cut = to_prov_json(descendants(log, first, {.nodes_max = 2}).value());
  CHECK(cut.find("\"forerun:graphComplete\": {\n        \"$\": \"false\"") != cut.npos);
  const auto removed = to_prov_json(ancestors(log, {first.of, 1}).value());
  CHECK(removed.find("\"forerun:removed\"") != removed.npos);
}

TEST_CASE("GraphViz draws a graph, whatever the names") {
  const auto log = small_log();
  const auto text = to_dot(ancestors(log, last_of(log)).value());
  CHECK(text.find("program\\na\\\"b\\\\N,c\xef\xbf\xbd\xef\xbf\xbd"
                  "d&amp;lt;<x>|{}'") != text.npos);
  CHECK(text.find("not complete") == text.npos);
  CHECK(to_dot(ancestors(log, last_of(log), {.nodes_max = 1}).value()).find("not complete") != text.npos);
  const auto python = python_with("xml.etree");
  if (python.empty() || std::system("dot -V 2>/dev/null") != 0) {
    MESSAGE("skipped: there is no dot (Debian: graphviz)");
    return;
  }
  const folder files;
  const auto drawing = files.put("svg", printed_by(fmt::format("dot -Tsvg '{}'", files.put("dot", text))));
  const auto got = printed_by(fmt::format("{} tests/support/read_exports.py svg '{}'", python, drawing));
  CHECK(got.find("\"a\\\"b\\\\N,c\\ufffd\\ufffdd&lt;<x>|{}'\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd%=\"\n") !=
        got.npos);
  CHECK(got.find("\"block 5-12 of 3\"\n\"version 0\"\n") != got.npos);
  CHECK(got.find("\"blocks of 3\"\n\"as they began\"\n") != got.npos);
  CHECK(got.find("\"wasGeneratedBy\"\n\"at 2\"\n") != got.npos);
  CHECK(got.find("\"= =1\\ufffd'\"\n") != got.npos);
}

TEST_CASE("an edge is a line of JSON or CSV, with the names that PROV-JSON has") {
  const auto log = small_log();
  const auto all = ancestors(log, last_of(log)).value();
  const auto lines = to_json_lines(all);
  CHECK(static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n')) == all.edges.size());
  CHECK(lines.find(
            R"({"relation":"wasDerivedFrom","from":"forerun:block/3/20@2","to":"forerun:block/3/5-12@0",)"
            R"("position":1,"time":"2023-11-14T22:13:20.001000000Z","time_ns":1700000000001000000,)"
            R"("first":5,"count":1,"records":1})"
            "\n") != std::string::npos);
  CHECK(lines.find(R"("relation":"wasAssociatedWith")") != std::string::npos);
  const auto rows = to_csv(all);
  CHECK(static_cast<std::size_t>(std::count(rows.begin(), rows.end(), '\n')) == all.edges.size() + 1);
  CHECK(rows.find("\nwasDerivedFrom,forerun:block/3/20@2,forerun:block/3/5-12@0,1,"
                  "2023-11-14T22:13:20.001000000Z,1700000000001000000,5,1,1\n") != std::string::npos);
  // No name can break a line: as many columns everywhere.
  CHECK(static_cast<std::size_t>(std::count(rows.begin(), rows.end(), ',')) == (all.edges.size() + 1) * 8);
}

TEST_CASE("a read is a line of JSON, and of CSV for each part that it met") {
  const auto log = small_log();
  auto met = origins_of(log, {}).value();
  REQUIRE(met.reads.size() == 1);
  met.reads[0].name = "name";
  std::string line;
  append_json_line(line, met.reads[0]);
  CHECK(
      line.find(
          R"("name":"name","parts":[{"first":4,"count":1,"writer":null},{"first":5,"count":1,"writer":{"position":0,)") !=
      std::string::npos);
  std::string read;
  std::string writer;
  append_csv_line(read, log.all[1]);
  append_csv_line(writer, log.all[0]);
  read.pop_back();
  std::string rows;
  append_csv_lines(rows, met.reads[0]);
  CHECK(rows == read + ",name,4,1," + std::string(19, ',') + "\n" + read + ",name,5,1," + writer);
  const auto heading = origins_csv_heading();
  CHECK(std::count(heading.begin(), heading.end(), ',') == 42);
  CHECK(heading.find(",value_hex,name,part_first,part_count,writer_position,") != std::string::npos);
}

TEST_CASE("elements are shown with the name that they have") {
  const auto log = small_log();
  auto all = ancestors(log, last_of(log)).value();
  std::get<entity>(all.nodes[0]).name = "a\"b";
  CHECK(to_dot(all).find("block 20 of 3\\n(a\\\"b)\\n") != std::string::npos);
  CHECK(to_prov_json(all).find(R"("prov:label": "a\"b")") != std::string::npos);
}
