#include "tests/unit/cli/run_line.hpp"
#include "tests/unit/control/fake_node.hpp"
#include <doctest/doctest.h>
#include <sstream>

using namespace forerun;
using namespace forerun::cli;
using namespace std::chrono_literals;

namespace {

done forerun_with(const control::served_node& served, std::vector<std::string> words) {
  return run_line(served.socket(), std::move(words));
}

template <class Question> Question asked(const control::served_node& served) {
  REQUIRE(std::holds_alternative<Question>(served.node.many));
  return std::get<Question>(served.node.many);
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

const provenance::agent ann{.vm = "vm-1", .program = "gcc", .user = "ann"};

} // namespace

TEST_CASE("sums are shown by what was asked for and nothing else") {
  control::served_node served;
  served.node.told.sums.rows = {{.unit = 10,
                                 .who = {.by = ann, .kind = element_kind::key, .space = 5},
                                 .op = operation::write,
                                 .sum = {4, 8, 4096, 40, {0, 3, 0, 1, 0}}}};
  const auto plain = forerun_with(served, {"sums", "--volume", "debian", "--op", "READ"});
  CHECK(plain.code == exit_ok);
  CHECK(plain.err.empty());
  CHECK(plain.out == "PROGRAM  RECORDS  ELEMENTS     SIZE  MEAN LATENCY    HITS\n"
                     "gcc            4         8  4.0 KiB       10.0 us  75.0 %\n");
  auto what = asked<control::sum_question>(served);
  CHECK(what.volume == "debian");
  CHECK(what.what.wanted.operations == 1);
  CHECK(what.what.unit == provenance::time_unit::all);
  CHECK((what.what.by_program && !what.what.by_vm && !what.what.by_user && !what.what.by_space &&
         !what.what.by_operation));

  const auto all = forerun_with(served, {"sums", "--by", "vm,user,space,op", "--every", "hour"});
  CHECK(has(all.out, "1970-01-01T10:00:00.000000Z  vm-1  ann   key 5  WRITE"));
  CHECK_FALSE(has(all.out, "gcc"));
  what = asked<control::sum_question>(served);
  CHECK((!what.what.by_program && what.what.by_vm && what.what.by_user && what.what.by_space &&
         what.what.by_operation));
  CHECK(what.what.unit == provenance::time_unit::hour);
  CHECK(has(forerun_with(served, {"sums", "--every", "minute"}).out, "1970-01-01T00:10:00.000000Z  gcc"));
  forerun_with(served, {"sums", "--by", "none"});
  CHECK_FALSE(asked<control::sum_question>(served).what.by_program);
  const auto json = forerun_with(served, {"--json", "sums", "--by", "op"}).out;
  CHECK(has(json, "\"operation\": \"WRITE\""));
  CHECK(has(json, "\"mean_latency_seconds\": 1e-05"));
  CHECK_FALSE(has(json, "\"program\""));
  served.node.told.sums.complete = false;
  CHECK(has(forerun_with(served, {"sums"}).err, "more than these rows"));
}

TEST_CASE("the most used elements are shown with what they may have too much") {
  control::served_node served;
  served.node.told.top = {.rows = {{{element_kind::block, 2, 77}, 8192, 4096}}, .total = 16384};
  const auto plain = forerun_with(served, {"top", "--by", "bytes", "--rows", "3", "--element", "77"});
  CHECK(plain.code == exit_ok);
  CHECK(plain.out == "SPACE    ELEMENT     SIZE   SHARE  TOO MANY, AT MOST\n"
                     "block 2       77  8.0 KiB  50.0 %            4.0 KiB\n");
  CHECK(plain.err.empty());
  const auto what = asked<control::top_question>(served);
  CHECK(what.what.by == provenance::measure::bytes);
  CHECK(what.what.rows_max == 3);
  CHECK(what.what.wanted.element_first == 77);
  CHECK(has(forerun_with(served, {"top", "--by", "latency"}).out, "8.19 ms"));
  CHECK(has(forerun_with(served, {"top"}).out, "8192"));
  CHECK(has(forerun_with(served, {"--json", "top"}).out, "\"over_max\": 4096"));
  served.node.told.top.others_max = 12;
  served.node.told.top.seen = {
      {.matched = 5, .next_position = 9000, .damaged = 2, .examined = 8000, .complete = false}, 3};
  const auto partly = forerun_with(served, {"top"});
  CHECK(partly.code == exit_ok);
  CHECK(has(partly.err, "may come to 12 at most"));
  CHECK(has(partly.err, "--from 9000"));
  CHECK(has(partly.err, "2 places of the log"));
  CHECK(has(partly.err, "3 records are not"));
  const auto json = forerun_with(served, {"--json", "top"});
  CHECK(json.err.empty());
  CHECK(has(json.out, "\"complete\": false"));
  CHECK(has(json.out, "\"next_position\": 9000"));
}

TEST_CASE("gaps between accesses are shown by program") {
  control::served_node served;
  served.node.told.arrivals.rows = {
      {.who = ann, .records = 5, .backward = 1, .gaps = {3, 1ms, 2ms, 3ms, 4ms, 5ms, 6ms, {0, 2, 1}}},
      {.who = {}, .records = 1}};
  const auto plain = forerun_with(served, {"arrivals", "--by", "program,user"});
  CHECK(plain.code == exit_ok);
  CHECK(has(plain.out, "gcc      ann         5   1.00 ms  2.00 ms     3.00 ms"));
  CHECK(has(plain.out, "1         -"));
  CHECK(asked<control::arrival_question>(served).what.by.by_user);
  const auto json = forerun_with(served, {"--json", "arrivals"}).out;
  CHECK(has(json, "\"p99_seconds\": 0.005"));
  CHECK(has(json, "\"below_seconds\": 4e-09"));
}

TEST_CASE("sequences are shown with their elements in order") {
  control::served_node served;
  served.node.told.sequences = {
      .rows = {{.who = ann, .kind = element_kind::page, .space = 3, .elements = {9, 4, 6}, .count = 5}},
      .total = 10,
      .broken = 2};
  const auto plain = forerun_with(served, {"sequences", "--length", "3"});
  CHECK(plain.code == exit_ok);
  CHECK(has(plain.out, "gcc      page 3  9 4 6"));
  CHECK(has(plain.err, "2 runs were forgotten"));
  CHECK(asked<control::sequence_question>(served).what.length == 3);
  CHECK(has(forerun_with(served, {"--json", "sequences"}).out, "\"count\": 5"));
  CHECK(asked<control::sequence_question>(served).what.length == 2);
}

TEST_CASE("working sets are shown by interval") {
  control::served_node served;
  served.node.told.working_set = {.rows = {{{0}, 100, 200, 4096}}, .elements = 100};
  const auto plain = forerun_with(served, {"working-set", "--every", "10 min"});
  CHECK(plain.code == exit_ok);
  CHECK(has(plain.out, "1970-01-01T00:00:00.000000Z"));
  CHECK(has(plain.out, "about 100 different"));
  CHECK(asked<control::working_set_question>(served).what.every == 10min);
  forerun_with(served, {"working-set"});
  CHECK(asked<control::working_set_question>(served).what.every == 1h);
  CHECK(has(forerun_with(served, {"--json", "working-set"}).out, "\"standard_error\": 0.01625"));
}

TEST_CASE("what makes no sense is refused before a node is asked") {
  control::served_node served;
  for (const auto& words : std::vector<std::vector<std::string>>{{"sums", "--by", "run"},
                                                                 {"sums", "--every", "day"},
                                                                 {"sums", "--follow"},
                                                                 {"top", "--by", "program"},
                                                                 {"top", "--rows", "5000"},
                                                                 {"arrivals", "--by", "space"},
                                                                 {"sequences", "--length", "4"},
                                                                 {"working-set", "--every", "0"},
                                                                 {"working-set", "--every", "-1 h"},
                                                                 {"working-set", "--op", "JUMP"}})
    CHECK_MESSAGE(forerun_with(served, words).code == exit_usage, (words[0] + words[1]));
  CHECK(forerun_with(served, {"sums", "--run", "5"}).code == exit_failed);
  CHECK(forerun_with(served, {"top", "--volume", "other"}).code == exit_failed);
}
