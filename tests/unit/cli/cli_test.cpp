#include "apps/cli/commands.hpp"
#include "apps/cli/table.hpp"
#include "tests/unit/control/fake_node.hpp"
#include <boost/property_tree/json_parser.hpp>
#include <boost/property_tree/ptree.hpp>
#include <cstdio>
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>
#include <sys/wait.h>

using namespace forerun;
using namespace forerun::cli;

namespace {

struct outcome_of_command {
  int code;
  std::string out;
  std::string err;
};

/// Runs `forerun WORDS...` in this process.
outcome_of_command forerun_does(const std::vector<std::string>& words, const std::string& socket) {
  std::vector<const char*> argv{"forerun"};
  for (const auto& each : words)
    argv.push_back(each.c_str());
  std::ostringstream out;
  std::ostringstream err;
  context where{.out = out, .err = err, .env = {}, .socket = socket};
  const auto code = cli::run(static_cast<int>(argv.size()), argv.data(), where);
  return {code, out.str(), err.str()};
}

boost::property_tree::ptree parsed(const std::string& text) {
  std::istringstream in(text);
  boost::property_tree::ptree tree;
  boost::property_tree::read_json(in, tree);
  return tree;
}

} // namespace

TEST_CASE("every command prints JSON that holds the node's figures") {
  control::served_node served;
  const auto get = [&](std::vector<std::string> words) {
    words.emplace_back("--json");
    const auto done = forerun_does(words, served.socket());
    CHECK_MESSAGE(done.code == exit_ok, done.err);
    return parsed(done.out);
  };
  CHECK(get({"status"}).get<std::uint64_t>("prefetch.queue_depth") == 7);
  CHECK(get({"actors"}).front().second.get<std::string>("last_error") == "io failed");
  CHECK(get({"volume", "list"}).front().second.get<double>("counters.stall_seconds") == 1.25);
  CHECK(get({"volume", "create", "new", "--size", "2G"}).get<std::uint64_t>("bytes") == 2ull << 30);
  CHECK(get({"volume", "delete", "debian"}).get<std::string>("deleted") == "debian");
  CHECK(get({"volume", "export", "debian"}).get_child("uris").size() == 1);
  CHECK(get({"cache", "drop"}).get<std::uint64_t>("pool_bytes") == 1u << 20);
  CHECK(get({"heat", "debian", "--rows", "3"}).get_child("regions").size() == 3);
  CHECK(get({"heat", "debian"}).get_child("regions").size() == control::heat_rows_max);
  CHECK(get({"predict", "report"}).size() == 2);
  CHECK(get({"predict", "report", "debian"}).front().second.get<double>("calibration.error") == 0.0125);
  CHECK(get({"predict", "report", "debian"}).front().second.get_child("calibration.bins").size() == 2);
  CHECK(get({"why", "debian", "77"}).get<std::string>("plan.by") == "history");
  CHECK(get({"history", "debian", "5"}).size() == 20);
  CHECK(get({"verify"}).get<bool>("intact"));
  CHECK(get({"verify"}).get<std::uint64_t>("dropped.records") == 5000);
  CHECK(get({"verify"}).get<int>("anchors.passed") == 3);
  CHECK(get({"verify", "--key", "beef"}).get<std::string>("public_key") == "beef");
  CHECK(get({"status"}).get<std::string>("provenance.public_key") == "c0de");
  CHECK(get({"run", "begin", "debian", "--program", "db"}).get<std::string>("program") == "db");
  CHECK(get({"run", "end", "debian"}).get<std::uint64_t>("run") == 10);
}

TEST_CASE("tables are for people: aligned, with units") {
  control::served_node served;
  const auto show = [&](const std::vector<std::string>& words) {
    const auto done = forerun_does(words, served.socket());
    CHECK_MESSAGE(done.code == exit_ok, done.err);
    return done.out;
  };
  CHECK(show({"status"}).find("memory      32 MiB of 64 MiB\n") != std::string::npos);
  CHECK(show({"actors"}) == "NAME            ID  STATE    RESTARTS  MAILBOX  PROCESSED  LAST ERROR\n"
                            "forerun.volume  12  running         1        3        400  io failed\n");
  CHECK(show({"volume", "list"}).find("1.0 GiB  gcc") != std::string::npos);
  CHECK(show({"volume", "list", "--names"}) == "debian\n");
  CHECK(show({"heat", "debian", "--rows", "1"}).find("##########..........") != std::string::npos);
  const auto report = show({"predict", "report"});
  CHECK(report.find("together        1000     60.0 %    500  90.0 %  0.013     0.020  0.110       2") !=
        std::string::npos);
  CHECK(report.find("0.10  ####|####...............................       0.20") != std::string::npos);
  CHECK(show({"why", "debian", "77"}).find("history (run group 3)") != std::string::npos);
  CHECK(show({"history", "debian", "5", "--rows", "1"}).find("2023-11-14T22:13:20.123456Z") !=
        std::string::npos);
}

TEST_CASE("what is asked for reaches the node as it was written") {
  control::served_node served;
  const auto done =
      forerun_does({"volume", "create", "new", "--image", "nbd://h/x", "--size", "1.5 GiB", "--program", "db",
                    "--listen", "tcp:127.0.0.1:10810", "--read-only", "--audit", "strict"},
                   served.socket());
  CHECK(done.code == exit_ok);
  CHECK(served.node.created == control::volume_spec{.name = "new",
                                                    .image = "nbd://h/x",
                                                    .bytes = 3ull << 29,
                                                    .program = "db",
                                                    .listen = "tcp:127.0.0.1:10810",
                                                    .read_only = true,
                                                    .audit = audit_policy::strict});
}

TEST_CASE("a refusal exits 1 and says what to do, in words or in JSON") {
  control::served_node served;
  const auto words = forerun_does({"volume", "delete", "nope"}, served.socket());
  CHECK(words.code == exit_failed);
  CHECK(words.out.empty());
  CHECK(words.err == "forerun: there is no volume named nope\n  `forerun volume list` names them\n");
  const auto tree = forerun_does({"--json", "volume", "delete", "nope"}, served.socket());
  CHECK(tree.code == exit_failed);
  CHECK(parsed(tree.err).get<std::string>("error.code") == "not found");
}

TEST_CASE("a wrong command line exits 2 and asks no node") {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{},
                                             {"volume"},
                                             {"fly"},
                                             {"status", "--wings"},
                                             {"why", "debian"},
                                             {"why", "debian", "-1"},
                                             {"volume", "create", "x", "--size", "blue"},
                                             {"volume", "create", "x", "--size", "1G", "--audit", "lax"},
                                             {"heat", "debian", "--rows", "0"},
                                             {"history", "debian", "0", "--rows", "9999"},
                                             {"records", "--element", "-1"},
                                             {"records", "--op", "READ,FLY"},
                                             {"records", "--kind", "256"},
                                             {"records", "--since", "yesterday"},
                                             {"records", "--volume", "debian", "--kind", "key"},
                                             {"records", "--element", "1", "--name", "x"},
                                             {"records", "--last", "1025"},
                                             {"records", "--last", "1", "--from", "1"},
                                             {"records", "--live"},
                                             {"records", "--format", "xml"}}) {
    const auto done = forerun_does(words, "/nowhere/control.sock");
    CHECK(done.code == exit_usage);
    CHECK(!done.err.empty());
  }
}

TEST_CASE("help exits 0") {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"--help"}, {"volume", "create", "--help"}}) {
    const auto done = forerun_does(words, "");
    CHECK(done.code == exit_ok);
    CHECK(done.out.find("Exit codes") != std::string::npos);
  }
}

TEST_CASE("without a node every command exits 3") {
  const auto done = forerun_does({"status"}, "/nowhere/control.sock");
  CHECK(done.code == exit_unreachable);
  CHECK(done.err.starts_with("forerun: no node answers at /nowhere/control.sock\n"));
}

TEST_CASE("--socket names another node") {
  control::served_node served;
  CHECK(forerun_does({"status", "--socket", served.socket()}, "/nowhere/control.sock").code == exit_ok);
}

TEST_CASE("a damaged provenance log exits 4") {
  control::served_node served;
  served.node.intact = false;
  const auto done = forerun_does({"verify"}, served.socket());
  CHECK(done.code == exit_damaged);
  CHECK(done.out.find("segment 1, offset 4096") != std::string::npos);
}

TEST_CASE("a check of the log says what was dropped, anchored and signed") {
  control::served_node served;
  const auto done = forerun_does({"verify"}, served.socket());
  CHECK(done.code == exit_ok);
  CHECK(done.out.find(
            "dropped before: 5000 records, the latest of 2023-11-14T22:13:20.000000Z, in 4 segments of "
            "1.0 MiB; 1 of them were damaged\n") != std::string::npos);
  CHECK(done.out.find("anchors: 3 passed, the last of 2023-11-14T22:23:20.000000Z\n") != std::string::npos);
  CHECK(done.out.ends_with("public key: c0de\n"));
}

TEST_CASE("a name cannot move the cursor") {
  table out({"NAME", ">N"});
  out.row({"\x1b[2Jx", "1"});
  out.row({"\u00fc", "10"});
  std::ostringstream text;
  out.print(text);
  CHECK(text.str() == "NAME    N\n?[2Jx   1\n\u00fc      10\n");
}

namespace {

/// What bash offers after `line`, one word a line, with a `forerun` that knows two volumes.
std::string offered(const std::string& line) {
  control::scratch_folder folder;
  const auto script = forerun_does({"completion", "bash"}, "").out;
  std::ofstream(folder / "completion") << script << R"(
forerun() { printf 'debian\nscratch\n'; }
COMP_WORDS=()" << line << R"()
[[ ")" << line << R"(" == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_forerun
[[ ${#COMPREPLY[@]} == 0 ]] || printf '%s ' "${COMPREPLY[@]}"
)";
  auto* pipe = ::popen(("bash " + (folder / "completion")).c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string got;
  char bytes[512];
  while (const auto count = std::fread(bytes, 1, sizeof bytes, pipe))
    got.append(bytes, count);
  CHECK(WEXITSTATUS(::pclose(pipe)) == 0);
  return got;
}

} // namespace

TEST_CASE("bash completes commands, options and volumes") {
  CHECK(offered("forerun vol") == "volume ");
  CHECK(offered("forerun volume ") == "create list delete export ");
  CHECK(offered("forerun volume create x --re") == "--read-only ");
  CHECK(offered("forerun heat ") == "debian scratch ");
  CHECK(offered("forerun --socket /x why s") == "scratch ");
  CHECK(offered("forerun why debian ") == "");
  CHECK(offered("forerun run ") == "begin end ");
}
