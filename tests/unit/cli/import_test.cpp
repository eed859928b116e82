#include "apps/cli/commands.hpp"
#include "apps/cli/import_batches.hpp"
#include "apps/cli/import_file.hpp"
#include "runtime/base/hash.hpp"
#include "tests/unit/control/fake_node.hpp"
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>

using namespace forerun;
using namespace forerun::cli;

namespace {

trace::row key(std::string_view name, std::int64_t at_ns = 1) {
  return {.at_ns = at_ns, .kind = element_kind::key, .name = name, .bytes = 7};
}

trace::row block(std::string_view volume, std::uint64_t offset) {
  return {.kind = element_kind::block, .volume = volume, .offset = offset, .bytes = 4096};
}

int forerun_imports(const control::served_node& served, std::vector<std::string> words,
                    std::string* said = nullptr) {
  std::vector<const char*> argv{"forerun", "import"};
  for (const auto& each : words)
    argv.push_back(each.c_str());
  std::ostringstream out;
  std::ostringstream err;
  context where{.out = out, .err = err, .env = {}, .socket = served.socket()};
  const auto code = cli::run(static_cast<int>(argv.size()), argv.data(), where);
  if (said != nullptr)
    *said = out.str() + err.str();
  return code;
}

} // namespace

TEST_CASE("a name is told once, by nobody, before its element is touched") {
  import_batches batches({.user = "carol", .recording = "log"});
  CHECK(batches.add(key("a")));
  CHECK(batches.add(key("b", 2)));
  CHECK(batches.add(key("a", 3)));
  const auto got = batches.take();
  REQUIRE(got.entries.size() == 5);
  CHECK(batches.names() == 2);
  CHECK(got.entries[0].op == operation::allocate);
  CHECK(got.values[0] == "a");
  CHECK(got.entries[0].where == extent{element_of("a"), 1});
  CHECK(got.entries[1].where == got.entries[0].where);
  CHECK(got.entries[1].bytes == 7);
  CHECK(got.entries[4].at == wall_time{3});
  REQUIRE(got.contexts.size() == 2);
  CHECK(got.contexts[got.context_of[0]] ==
        control::import_context{"import:log", "", "", element_kind::key, 0});
  CHECK(got.contexts[got.context_of[1]].user == "carol");
  CHECK(batches.empty());
}

TEST_CASE("what has no times is marked, and what is too long is kept as its digest") {
  import_batches batches({.recording = "log", .start_ns = 1000});
  auto row = key("k", 5);
  row.timed = false;
  const std::string text(1000, 'x');
  row.value = text;
  CHECK(batches.add(row));
  const auto got = batches.take();
  CHECK(got.contexts[got.context_of[1]].vm == "import-ord:log");
  CHECK(got.entries[1].at == wall_time{1005});
  CHECK(got.values[1].empty());
  CHECK(got.entries[1].written == digest_of(std::as_bytes(std::span{text})));
}

TEST_CASE("a disk that is no volume has a space that no volume has") {
  import_batches batches({});
  CHECK(batches.add(block("one", 4096)));
  CHECK(batches.add(block("two", 0)));
  const auto got = batches.take();
  REQUIRE(got.contexts.size() == 2);
  CHECK(got.contexts[0].vm == "import:one");
  CHECK((got.contexts[0].space & control::import_space_bit) != 0);
  CHECK(got.contexts[0].space != got.contexts[1].space);
  CHECK(got.entries[0].where == extent{1, 1});
}

TEST_CASE("a volume learns from one disk only") {
  import_batches batches({.volume = "v", .program = "db"});
  CHECK(batches.add(block("one", 0)));
  CHECK_FALSE(batches.add(block("two", 0)));
  CHECK(batches.add(block("one", 4096)));
  const auto got = batches.take();
  CHECK(got.volume == "v");
  CHECK(got.entries.size() == 2);
  CHECK(got.contexts.front() == control::import_context{"import:v", "db", "", element_kind::block, 0});
}

TEST_CASE("a full batch fits into one request, whatever is in it") {
  control::served_node served;
  auto made = control::client::connect(served.socket());
  auto& node = std::get<0>(made);
  for (const std::size_t length : {std::size_t{1}, std::size_t{128}, std::size_t{200}}) {
    import_batches batches({.recording = std::string(200, 'r')});
    for (int i = 0; !batches.full(); ++i) {
      const auto text = std::to_string(i) + std::string(length, 'n');
      auto row = key(text);
      const auto user = text.substr(0, 200);
      row.user = user;
      row.program = user;
      row.value = text;
      CHECK(batches.add(row));
    }
    const auto sent = batches.take();
    CHECK(sent.entries.size() > 60);
    const auto answer = node.import_records(sent);
    REQUIRE(answer.index() == 0);
    CHECK(std::get<0>(answer).records == sent.entries.size());
    CHECK(served.node.imported.back() == sent);
  }
}

TEST_CASE("a full batch of nothing but values fits, however long they are") {
  control::served_node served;
  auto made = control::client::connect(served.socket());
  auto& node = std::get<0>(made);
  for (std::size_t length = 1; length <= control::import_value_bytes_max + 9; length += 8) {
    import_batches batches({.recording = "log"});
    for (int i = 0; !batches.full(); ++i) {
      const auto name = std::to_string(i);
      const std::string text(length, 'v');
      auto row = key(name);
      row.value = text;
      batches.add(row);
    }
    CHECK_MESSAGE(node.import_records(batches.take()).index() == 0, length);
  }
}

TEST_CASE("a recording is sent in pieces of one run, and waits while the node is overloaded") {
  control::served_node served;
  served.node.overloads = 2;
  {
    std::ofstream file(served.folder / "keys_ord.csv");
    file << "ts_ms,op,key,size,client\n";
    for (int i = 0; i < 3000; ++i)
      file << i << ",get,k" << i << ",0,\n";
  }
  std::string said;
  CHECK(forerun_imports(served, {served.folder / "keys_ord.csv", "--program", "shop"}, &said) == exit_ok);
  CHECK(said.find("keys_ord.csv: kv, without times\n  rows      3000 in ") != std::string::npos);
  CHECK(said.find("records   6000, of which 3000 name what they are about; run 77\n") != std::string::npos);
  const auto& got = served.node.imported;
  REQUIRE(got.size() > 5);
  std::size_t entries = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(got[i].run == (i == 0 ? 0 : 77));
    CHECK(got[i].ends == (i + 1 == got.size()));
    entries += got[i].entries.size();
  }
  CHECK(entries == 6000);
  CHECK(got[0].contexts.back().program == "shop");
}

TEST_CASE("a refusal of the node ends the import") {
  control::served_node served;
  std::ofstream(served.folder / "b.csv") << "ts_us,volume,op,offset_bytes,length_bytes\n0,a,R,0,512\n";
  std::string said;
  CHECK(forerun_imports(served, {served.folder / "b.csv", "--volume", "nope"}, &said) == exit_failed);
  CHECK(said == "forerun: there is no volume named nope\n  `forerun volume list` names them\n");
}

TEST_CASE("a file's name is a label without its endings") {
  CHECK(recording_name("/a/b/oltp_ord.csv.gz") == "oltp_ord");
  CHECK(recording_name("-") == "stdin");
  CHECK(recording_name(".hidden.csv") == ".hidden");
  CHECK(recording_name("a\x1b.csv") == "recording");
}
