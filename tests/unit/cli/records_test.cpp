#include "apps/cli/record_lines.hpp"
#include "apps/cli/when.hpp"
#include "runtime/provenance/export_records.hpp"
#include "tests/unit/cli/run_line.hpp"
#include "tests/unit/control/fake_node.hpp"
#include <doctest/doctest.h>
#include <sstream>

using namespace forerun;
using namespace forerun::cli;

namespace {

done records(const std::string& socket, std::vector<std::string> words) {
  words.insert(words.begin(), "records");
  return run_line(socket, std::move(words));
}

provenance::entry row(std::uint64_t position) {
  return {.who = {.by = {"vm-1", "gcc", "ann", 0}, .run = {9}, .kind = element_kind::block, .space = 2},
          .what = {.position = position,
                   .at = {1'700'000'000'123'456'789},
                   .latency = std::chrono::microseconds{12},
                   .where = {position, 2},
                   .bytes = 8192,
                   .op = operation::write}};
}

std::string lines(std::uint64_t first, std::uint64_t count) {
  std::string text;
  for (auto position = first; position < first + count; ++position)
    provenance::append_json_line(text, row(position));
  return text;
}

control::record_batch batch_of(std::uint64_t first, std::uint64_t count, bool ended = false) {
  control::record_batch batch{.rows = {}, .next_position = first + count, .ended = ended};
  for (auto position = first; position < first + count; ++position)
    batch.rows.push_back(row(position));
  return batch;
}

} // namespace

TEST_CASE("times are RFC 3339 or how long ago, and nothing else") {
  const wall_time now{1'700'000'000'000'000'000};
  const auto at = [&](std::string_view text) { return parse_when(text, now).value().ns; };
  CHECK(at("1970-01-01T00:00:00Z") == 0);
  CHECK(at("2023-11-14T22:13:20.123456Z") == 1'700'000'000'123'456'000);
  CHECK(at("2023-11-14 23:13:20.5+01:00") == 1'700'000'000'500'000'000);
  CHECK(at("1969-12-31T23:59:59z") == -1'000'000'000);
  CHECK(at("-2h") == now.ns - 7'200'000'000'000);
  CHECK(at("-0") == now.ns);
  CHECK(when({1'700'000'000'123'456'789}) == "2023-11-14T22:13:20.123456Z");
  CHECK(when({-1}) == "1969-12-31T23:59:59.999999Z");
  for (const auto* wrong :
       {"", "now", "2h", "-2", "--2h", "2023-11-14", "2023-11-14T22:13:20", "2023-13-14T22:13:20Z",
        "2023-02-29T22:13:20Z", "2023-11-14T24:13:20Z", "2023-11-14T22:60:20Z", "2023-11-14T22:13:20.Z",
        "2023-11-14T22:13:20+0100", "2023-11-14T22:13:20Zz", "1600-11-14T22:13:20Z", "9999-11-14T22:13:20Z",
        " 2023-11-14T22:13:20Z", "2023-1-14T22:13:20Z"})
    CHECK_MESSAGE(!parse_when(wrong, now).has_value(), wrong);
}

TEST_CASE("a record is one line for people, whatever its names and values are") {
  auto hostile = row(7);
  hostile.who.by.program = "a,\"b\"\r\n\x1b";
  hostile.what.value = "\xff\n";
  std::string text;
  append_table_line(text, hostile);
  CHECK(text.find('\n') == text.size() - 1);
  CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("a stream is printed to its end") {
  control::served_node served;
  served.node.batches = {batch_of(0, 512), batch_of(512, 3), batch_of(515, 0), batch_of(515, 5, true)};
  const auto shown = records(served.socket(), {"--format", "jsonl"});
  CHECK(shown.code == exit_ok);
  CHECK(shown.err.empty());
  CHECK(shown.out == lines(0, 520));
  CHECK_FALSE(served.node.asked.follow);
  CHECK(served.node.asked.wanted.position_from == 0);
}

TEST_CASE("a follower that has enough says where to go on, and what it missed") {
  control::served_node served;
  auto gap = batch_of(40, 20);
  gap.missed = 30;
  served.node.batches = {batch_of(0, 10), gap, batch_of(60, 5)};
  const auto shown = records(served.socket(), {"--json", "--follow", "--from", "0", "--rows", "15"});
  CHECK(shown.code == exit_ok);
  CHECK(shown.out == lines(0, 10) + lines(40, 5));
  CHECK(shown.err == "{\"missed\":30,\"before\":40}\n{\"next_position\":45}\n");
  CHECK(served.node.asked.all);
  records(served.socket(), {"--follow", "--live", "--rows", "15"});
  CHECK_FALSE(served.node.asked.all);
  CHECK(served.node.asked.wanted.position_from == control::position_newest);
}

TEST_CASE("the last records are printed in order") {
  control::served_node served;
  auto newest = batch_of(7, 3);
  std::reverse(newest.rows.begin(), newest.rows.end());
  served.node.batches = {newest};
  CHECK(records(served.socket(), {"--format", "jsonl", "--last", "3"}).out == lines(7, 3));
}

TEST_CASE("options become a question") {
  control::served_node served;
  served.node.batches = {batch_of(0, 1, true)};
  CHECK(records(served.socket(), {"--vm", "v", "--program", "", "--run", "0", "--kind", "key", "--space", "3",
                                  "--from-element", "4", "--op", "read,EVICT", "--since", "-2h", "--until",
                                  "2023-11-14T22:13:20Z"})
            .code == exit_ok);
  const auto& wanted = served.node.asked.wanted;
  CHECK(wanted.vm == "v");
  CHECK(wanted.program == "");
  CHECK(wanted.user == std::nullopt);
  CHECK(wanted.run == run_id{0});
  CHECK(wanted.kind == element_kind::key);
  CHECK(wanted.space == 3);
  CHECK(wanted.element_first == 4);
  CHECK(wanted.element_last == provenance::filter{}.element_last);
  CHECK(wanted.operations == (1u | 1u << static_cast<unsigned>(operation::evict)));
  CHECK(wanted.from.ns > 1'700'000'000'000'000'000);
  CHECK(wanted.to.ns == 1'700'000'000'000'000'000);
}

TEST_CASE("an element is found by the name under which it came into being") {
  control::served_node served;
  auto births = batch_of(11, 3, true);
  births.rows[1].what.value = "user:1";
  served.node.batches = {births};
  CHECK(records(served.socket(), {"--name", "user:1"}).code == exit_ok);
  CHECK(served.node.asked.wanted.element_first == 12);
  CHECK(served.node.asked.wanted.element_last == 12);
  CHECK(served.node.asked.wanted.space == 2);
  const auto unknown = records(served.socket(), {"--name", "user:2"});
  CHECK(unknown.code == exit_failed);
  CHECK(unknown.out.empty());
}
