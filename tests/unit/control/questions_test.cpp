#include "runtime/control/client.hpp"
#include "runtime/control/convert.hpp"
#include "tests/unit/control/fake_node.hpp"
#include <capnp/message.h>
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::control;
using namespace std::chrono_literals;

namespace {

client connected(const served_node& to) {
  auto made = client::connect(to.socket());
  if (const auto* why = std::get_if<1>(&made))
    FAIL(why->what);
  return std::move(std::get<0>(made));
}

template <class T> T value(answer<T> from) {
  if (const auto* why = std::get_if<1>(&from))
    FAIL(why->what);
  return std::get<0>(std::move(from));
}

template <class T> errc refused(answer<T> from) {
  REQUIRE(from.index() == 1);
  return std::get<1>(std::move(from)).code;
}

provenance::survey survey() {
  return {{.matched = 10, .next_position = 99, .damaged = 3, .examined = 1000, .complete = false}, 4};
}
void same(const provenance::survey& got) {
  const auto expected = survey();
  CHECK(got.scanned.matched == expected.scanned.matched);
  CHECK(got.scanned.next_position == expected.scanned.next_position);
  CHECK(got.scanned.damaged == expected.scanned.damaged);
  CHECK(got.scanned.examined == expected.scanned.examined);
  CHECK(got.scanned.complete == expected.scanned.complete);
  CHECK(got.left_out == expected.left_out);
}

provenance::agent somebody() {
  return {.vm = "vm-1", .program = "gcc", .user = "ann"};
}

/// What the node was asked, if it was a question of this kind.
template <class Question> Question asked(const served_node& served) {
  REQUIRE(std::holds_alternative<Question>(served.node.many));
  return std::get<Question>(served.node.many);
}

} // namespace

TEST_CASE("sums are asked for and told as they are") {
  served_node served;
  served.node.told.sums = {.rows = {{.unit = -7,
                                     .who = {.by = somebody(), .kind = element_kind::key, .space = 5},
                                     .op = operation::release,
                                     .sum = {1, 2, 3, 4, {5, 6, 7, 8, 9}}},
                                    {}},
                           .complete = false,
                           .segments_read = 6};
  auto tool = connected(served);
  sum_question what;
  what.what.unit = provenance::time_unit::minute;
  what.what.by_vm = what.what.by_user = what.what.by_space = what.what.by_operation = true;
  what.what.by_program = false;
  what.what.wanted.program = "gcc";
  what.volume = "debian";
  const auto got = value(tool.sums(what));
  CHECK(got.rows == served.node.told.sums.rows);
  CHECK_FALSE(got.complete);
  CHECK(got.segments_read == 6);
  const auto told = asked<sum_question>(served);
  CHECK(told.volume == "debian");
  CHECK(told.what.unit == provenance::time_unit::minute);
  CHECK((told.what.by_vm && told.what.by_user && told.what.by_space && told.what.by_operation));
  CHECK_FALSE(told.what.by_program);
  CHECK(told.what.wanted.program == "gcc");
  CHECK(told.what.rows_max == question_rows_max);
  value(tool.sums({.what = {.unit = provenance::time_unit::all}, .volume = ""}));
  CHECK(asked<sum_question>(served).what.by_program);
  CHECK_FALSE(asked<sum_question>(served).what.by_vm);
}

TEST_CASE("the most used elements are asked for and told as they are") {
  served_node served;
  served.node.told.top = {.rows = {{{element_kind::file, 7, provenance::element_limit}, 12, 3}, {}},
                          .others_max = 8,
                          .total = 77,
                          .seen = survey()};
  auto tool = connected(served);
  const auto got =
      value(tool.top({.what = {.by = provenance::measure::latency, .rows_max = 9}, .volume = ""}));
  CHECK(got.rows == served.node.told.top.rows);
  CHECK(got.others_max == 8);
  CHECK(got.total == 77);
  same(got.seen);
  CHECK(asked<top_question>(served).what.by == provenance::measure::latency);
  CHECK(asked<top_question>(served).what.rows_max == 9);
  for (const std::size_t rows : {std::size_t{0}, question_rows_max + 1}) {
    value(tool.top({.what = {.rows_max = rows}, .volume = ""}));
    CHECK(asked<top_question>(served).what.rows_max == question_rows_max);
  }
}

TEST_CASE("gaps between accesses are asked for and told as they are") {
  served_node served;
  served.node.told.arrivals = {.rows = {{.who = somebody(),
                                         .records = 5,
                                         .backward = 1,
                                         .gaps = {3, 1ns, 2ns, 3ns, 4ns, 5ns, 6ns, {1, 0, 2}}},
                                        {}},
                               .seen = survey()};
  auto tool = connected(served);
  arrival_question what;
  what.what.by = {.by_vm = true, .by_program = false, .by_user = true};
  const auto got = value(tool.arrivals(what));
  CHECK(got.rows == served.node.told.arrivals.rows);
  same(got.seen);
  const auto by = asked<arrival_question>(served).what.by;
  CHECK((by.by_vm && by.by_user && !by.by_program));
}

TEST_CASE("sequences are asked for and told as they are") {
  served_node served;
  served.node.told.sequences = {.rows = {{.who = somebody(),
                                          .kind = element_kind::page,
                                          .space = 3,
                                          .elements = {5, 4, 6},
                                          .count = 12,
                                          .over = 2},
                                         {}},
                                .others_max = 2,
                                .total = 40,
                                .broken = 6,
                                .seen = survey()};
  auto tool = connected(served);
  sequence_question what;
  what.what.length = 3;
  what.what.rows_max = 50;
  const auto got = value(tool.sequences(what));
  CHECK(got.rows == served.node.told.sequences.rows);
  CHECK(got.others_max == 2);
  CHECK(got.total == 40);
  CHECK(got.broken == 6);
  same(got.seen);
  CHECK(asked<sequence_question>(served).what.length == 3);
  CHECK(asked<sequence_question>(served).what.rows_max == 50);
}

TEST_CASE("working sets are asked for and told as they are") {
  served_node served;
  served.node.told.working_set = {.rows = {{{-5}, 1, 2, 3}, {}}, .elements = 9, .seen = survey()};
  auto tool = connected(served);
  const auto got = value(tool.working_set({.what = {.every = 10min}, .volume = ""}));
  CHECK(got.rows == served.node.told.working_set.rows);
  CHECK(got.elements == 9);
  same(got.seen);
  CHECK(asked<working_set_question>(served).what.every == 10min);
}

TEST_CASE("questions that cannot be answered do not reach the node") {
  served_node served;
  auto tool = connected(served);
  for (const auto& wanted : {provenance::filter{.position_from = 1}, provenance::filter{.position_to = 1},
                             provenance::filter{.element_first = 1}, provenance::filter{.element_last = 1},
                             provenance::filter{.run = run_id{0}}})
    CHECK(refused(tool.sums({.what = {.wanted = wanted}, .volume = ""})) == errc::invalid_argument);
  for (const std::size_t length : {0, 1, 4})
    CHECK(refused(tool.sequences({.what = {.length = length}, .volume = ""})) == errc::invalid_argument);
  CHECK(refused(tool.working_set({.what = {.every = 0ns}, .volume = ""})) == errc::invalid_argument);
  CHECK(refused(tool.top({.what = {}, .volume = "../x"})) == errc::invalid_argument);
  CHECK(refused(tool.arrivals({.what = {.wanted = {.vm = std::string(256, 'x')}}, .volume = ""})) ==
        errc::invalid_argument);
  CHECK(refused(tool.top({.what = {}, .volume = "other"})) == errc::not_found);
  CHECK(asked<sum_question>(served).volume.empty()); // What it began with.
}

TEST_CASE("rows of an answer are bounded on both sides, and what a hostile node tells is made harmless") {
  capnp::MallocMessageBuilder words;
  provenance::sum_answer many;
  many.rows.resize(question_rows_max + 1);
  write(words.initRoot<wire::SumAnswer>(), many);
  const auto told = words.getRoot<wire::SumAnswer>().asReader();
  CHECK(told.getRows().size() == question_rows_max);
  CHECK_FALSE(told.getComplete());

  capnp::MallocMessageBuilder hostile;
  auto sums = hostile.initRoot<wire::SumAnswer>();
  auto row = sums.initRows(question_rows_max + 100)[0];
  row.setUnit(std::numeric_limits<std::int64_t>::max());
  row.setOperation(static_cast<wire::HistoryRow::Operation>(99));
  row.initOutcomes(1000);
  const auto got = read(sums.asReader());
  CHECK(got.rows.size() == question_rows_max);
  CHECK(got.rows[0].op == operation::read);
  CHECK(got.rows[0].unit <= std::numeric_limits<std::int64_t>::max() / provenance::minute_ns);

  capnp::MallocMessageBuilder more;
  auto sequences = more.initRoot<wire::SequenceAnswer>();
  sequences.initRows(1)[0].initElements(1000);
  CHECK(read(sequences.asReader()).rows[0].elements.size() == provenance::sequence_max);
  capnp::MallocMessageBuilder most;
  auto arrivals = most.initRoot<wire::ArrivalAnswer>();
  arrivals.initRows(1)[0].initOctaves(1000);
  CHECK(read(arrivals.asReader()).rows[0].gaps.octaves.size() == provenance::durations::octaves);
  capnp::MallocMessageBuilder question;
  auto top = question.initRoot<wire::TopQuestion>();
  top.setBy(static_cast<wire::TopQuestion::Measure>(77));
  CHECK(value(read(top.asReader())).what.by == provenance::measure::records);
}
