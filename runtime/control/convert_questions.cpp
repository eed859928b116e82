#include "runtime/control/convert.hpp"
#include "runtime/control/words.hpp"

namespace forerun::control {
namespace {

template <class Question> void write_filter(wire::RecordFilter::Builder to, const Question& from) {
  write(to, record_question{.wanted = from.what.wanted, .volume = from.volume});
}

/// The filter of a question; `rest` adds what else it says.
template <class Question, class From, class Rest> answer<Question> read_question(From from, Rest rest) {
  auto filter = read(from.getFilter());
  if (auto* why = std::get_if<1>(&filter))
    return std::move(*why);
  auto& [wanted, volume, follow, all] = std::get<0>(filter);
  Question to{.what = {.wanted = std::move(wanted)}, .volume = std::move(volume)};
  rest(to.what);
  return to;
}

void write(wire::Grouping::Builder to, const provenance::grouping& from) {
  to.setByVm(from.by_vm);
  to.setByProgram(from.by_program);
  to.setByUser(from.by_user);
}
provenance::grouping read(wire::Grouping::Reader from) {
  return {from.getByVm(), from.getByProgram(), from.getByUser()};
}

void write(wire::Survey::Builder to, const provenance::survey& from) {
  to.setMatched(from.scanned.matched);
  to.setNextPosition(from.scanned.next_position);
  to.setDamaged(from.scanned.damaged);
  to.setExamined(from.scanned.examined);
  to.setComplete(from.scanned.complete);
  to.setLeftOut(from.left_out);
}
provenance::survey read(wire::Survey::Reader from) {
  return {{.matched = from.getMatched(),
           .next_position = from.getNextPosition(),
           .damaged = from.getDamaged(),
           .examined = from.getExamined(),
           .complete = from.getComplete()},
          from.getLeftOut()};
}

/// Whose rows have vm, program and user as texts of their own.
template <class To> void write_names(To to, const provenance::agent& from) {
  to.setVm(text(from.vm));
  to.setProgram(text(from.program));
  to.setUser(text(from.user));
}
template <class From> provenance::agent read_names(From from) {
  return {.vm = text(from.getVm()), .program = text(from.getProgram()), .user = text(from.getUser())};
}

/// Rows of an answer, each with `put` or `get`; at most `question_rows_max`.
template <class Row, class Init, class Put>
void write_rows(const std::vector<Row>& from, Init init, Put put) {
  auto list = init(static_cast<capnp::uint>(std::min(from.size(), question_rows_max)));
  for (capnp::uint i = 0; i < list.size(); ++i)
    put(list[i], from[i]);
}
template <class Row, class List, class Get> void read_rows(std::vector<Row>& to, List from, Get get) {
  for (auto row : from) {
    if (to.size() == question_rows_max)
      break;
    to.push_back(get(row));
  }
}

kj::ArrayPtr<const std::uint64_t> numbers(const auto& from) {
  return {from.data(), from.size()};
}
std::vector<std::uint64_t> numbers(capnp::List<std::uint64_t>::Reader from, std::size_t max) {
  std::vector<std::uint64_t> to;
  for (const auto each : from)
    if (to.size() < max)
      to.push_back(each);
  return to;
}

constexpr auto hours_max = std::numeric_limits<std::int64_t>::max() / (provenance::minute_ns * 60);

} // namespace

void write(wire::SumQuestion::Builder to, const sum_question& from) {
  const auto& what = from.what;
  write_filter(to.initFilter(), from);
  to.setEvery(static_cast<wire::SumQuestion::Unit>(what.unit));
  write(to.initBy(), provenance::grouping{what.by_vm, what.by_program, what.by_user});
  to.setBySpace(what.by_space);
  to.setByOperation(what.by_operation);
}
answer<sum_question> read(wire::SumQuestion::Reader from) {
  const auto filter = from.getFilter();
  const provenance::filter any;
  if (filter.getOfRun() || filter.getPositionFrom() != any.position_from ||
      filter.getPositionTo() != any.position_to || filter.getElementFirst() != any.element_first ||
      filter.getElementLast() != any.element_last)
    return failure{errc::invalid_argument, "sums are not kept by run, element or position",
                   "leave those out, or add up what `forerun records` prints"};
  return read_question<sum_question>(from, [&](provenance::sum_question& what) {
    const auto by = read(from.getBy());
    what.unit = known(from.getEvery(), provenance::time_unit::all);
    what.by_vm = by.by_vm;
    what.by_program = by.by_program;
    what.by_user = by.by_user;
    what.by_space = from.getBySpace();
    what.by_operation = from.getByOperation();
    what.rows_max = question_rows_max;
  });
}

void write(wire::SumAnswer::Builder to, const provenance::sum_answer& from) {
  write_rows(
      from.rows, [&](auto count) { return to.initRows(count); },
      [](wire::SumRow::Builder row, const provenance::rollup_row& it) {
        row.setUnit(it.unit);
        write(row.initWho(), it.who);
        row.setOperation(static_cast<wire::HistoryRow::Operation>(it.op));
        row.setRecords(it.sum.records);
        row.setElements(it.sum.elements);
        row.setBytes(it.sum.bytes);
        row.setLatencyUs(it.sum.latency_us);
        row.setOutcomes(numbers(it.sum.outcomes));
      });
  to.setComplete(from.complete && from.rows.size() <= question_rows_max);
  to.setSegmentsRead(from.segments_read);
}
provenance::sum_answer read(wire::SumAnswer::Reader from) {
  provenance::sum_answer to{.complete = from.getComplete(), .segments_read = from.getSegmentsRead()};
  read_rows(to.rows, from.getRows(), [](wire::SumRow::Reader row) {
    provenance::rollup_row it{.unit = std::clamp(row.getUnit(), -hours_max * 60, hours_max * 60),
                              .who = read(row.getWho()),
                              .op = known(row.getOperation(), operation_last),
                              .sum = {.records = row.getRecords(),
                                      .elements = row.getElements(),
                                      .bytes = row.getBytes(),
                                      .latency_us = row.getLatencyUs()}};
    const auto outcomes = numbers(row.getOutcomes(), it.sum.outcomes.size());
    std::copy(outcomes.begin(), outcomes.end(), it.sum.outcomes.begin());
    return it;
  });
  return to;
}

void write(wire::TopQuestion::Builder to, const top_question& from) {
  write_filter(to.initFilter(), from);
  to.setBy(static_cast<wire::TopQuestion::Measure>(from.what.by));
  to.setRowsMax(static_cast<std::uint32_t>(from.what.rows_max));
}
answer<top_question> read(wire::TopQuestion::Reader from) {
  return read_question<top_question>(from, [&](provenance::top_question& what) {
    what.by = known(from.getBy(), provenance::measure_last);
    what.rows_max = bounded(from.getRowsMax(), question_rows_max);
  });
}

void write(wire::TopAnswer::Builder to, const provenance::top_answer& from) {
  write_rows(
      from.rows, [&](auto count) { return to.initRows(count); },
      [](wire::TopRow::Builder row, const provenance::top_row& it) {
        row.setKind(static_cast<std::uint8_t>(it.of.kind));
        row.setSpace(it.of.space);
        row.setElement(it.of.number);
        row.setAmount(it.amount);
        row.setOver(it.over);
      });
  to.setOthersMax(from.others_max);
  to.setTotal(from.total);
  write(to.initSeen(), from.seen);
}
provenance::top_answer read(wire::TopAnswer::Reader from) {
  provenance::top_answer to{
      .others_max = from.getOthersMax(), .total = from.getTotal(), .seen = read(from.getSeen())};
  read_rows(to.rows, from.getRows(), [](wire::TopRow::Reader row) {
    return provenance::top_row{{static_cast<element_kind>(row.getKind()), row.getSpace(), row.getElement()},
                               row.getAmount(),
                               row.getOver()};
  });
  return to;
}

void write(wire::ArrivalQuestion::Builder to, const arrival_question& from) {
  write_filter(to.initFilter(), from);
  write(to.initBy(), from.what.by);
}
answer<arrival_question> read(wire::ArrivalQuestion::Reader from) {
  return read_question<arrival_question>(
      from, [&](provenance::arrival_question& what) { what.by = read(from.getBy()); });
}

void write(wire::ArrivalAnswer::Builder to, const provenance::arrival_answer& from) {
  write_rows(
      from.rows, [&](auto count) { return to.initRows(count); },
      [](wire::ArrivalRow::Builder row, const provenance::arrival_row& it) {
        write_names(row, it.who);
        row.setRecords(it.records);
        row.setBackward(it.backward);
        row.setGaps(it.gaps.count);
        row.setMinNs(it.gaps.min.count());
        row.setMeanNs(it.gaps.mean.count());
        row.setP50Ns(it.gaps.p50.count());
        row.setP90Ns(it.gaps.p90.count());
        row.setP99Ns(it.gaps.p99.count());
        row.setMaxNs(it.gaps.max.count());
        row.setOctaves(numbers(it.gaps.octaves));
      });
  write(to.initSeen(), from.seen);
}
provenance::arrival_answer read(wire::ArrivalAnswer::Reader from) {
  provenance::arrival_answer to{.seen = read(from.getSeen())};
  read_rows(to.rows, from.getRows(), [](wire::ArrivalRow::Reader row) {
    return provenance::arrival_row{
        .who = read_names(row),
        .records = row.getRecords(),
        .backward = row.getBackward(),
        .gaps = {.count = row.getGaps(),
                 .min = nanos{row.getMinNs()},
                 .mean = nanos{row.getMeanNs()},
                 .p50 = nanos{row.getP50Ns()},
                 .p90 = nanos{row.getP90Ns()},
                 .p99 = nanos{row.getP99Ns()},
                 .max = nanos{row.getMaxNs()},
                 .octaves = numbers(row.getOctaves(), provenance::durations::octaves)}};
  });
  return to;
}

void write(wire::SequenceQuestion::Builder to, const sequence_question& from) {
  write_filter(to.initFilter(), from);
  write(to.initBy(), from.what.by);
  to.setLength(static_cast<std::uint8_t>(from.what.length));
  to.setRowsMax(static_cast<std::uint32_t>(from.what.rows_max));
}
answer<sequence_question> read(wire::SequenceQuestion::Reader from) {
  if (from.getLength() < 2 || from.getLength() > provenance::sequence_max)
    return failure{errc::invalid_argument, "sequences of that length are not counted", "ask for 2 or 3"};
  return read_question<sequence_question>(from, [&](provenance::sequence_question& what) {
    what.by = read(from.getBy());
    what.length = from.getLength();
    what.rows_max = bounded(from.getRowsMax(), question_rows_max);
  });
}

void write(wire::SequenceAnswer::Builder to, const provenance::sequence_answer& from) {
  write_rows(
      from.rows, [&](auto count) { return to.initRows(count); },
      [](wire::SequenceRow::Builder row, const provenance::sequence_row& it) {
        write_names(row, it.who);
        row.setKind(static_cast<std::uint8_t>(it.kind));
        row.setSpace(it.space);
        row.setElements(numbers(it.elements));
        row.setCount(it.count);
        row.setOver(it.over);
      });
  to.setOthersMax(from.others_max);
  to.setTotal(from.total);
  to.setBroken(from.broken);
  write(to.initSeen(), from.seen);
}
provenance::sequence_answer read(wire::SequenceAnswer::Reader from) {
  provenance::sequence_answer to{.others_max = from.getOthersMax(),
                                 .total = from.getTotal(),
                                 .broken = from.getBroken(),
                                 .seen = read(from.getSeen())};
  read_rows(to.rows, from.getRows(), [](wire::SequenceRow::Reader row) {
    return provenance::sequence_row{.who = read_names(row),
                                    .kind = static_cast<element_kind>(row.getKind()),
                                    .space = row.getSpace(),
                                    .elements = numbers(row.getElements(), provenance::sequence_max),
                                    .count = row.getCount(),
                                    .over = row.getOver()};
  });
  return to;
}

void write(wire::WorkingSetQuestion::Builder to, const working_set_question& from) {
  write_filter(to.initFilter(), from);
  to.setEveryNs(from.what.every.count());
}
answer<working_set_question> read(wire::WorkingSetQuestion::Reader from) {
  if (from.getEveryNs() <= 0)
    return failure{errc::invalid_argument, "an interval has to have a length", "give one of more than 0 ns"};
  return read_question<working_set_question>(
      from, [&](provenance::working_set_question& what) { what.every = nanos{from.getEveryNs()}; });
}

void write(wire::WorkingSetAnswer::Builder to, const provenance::working_set_answer& from) {
  write_rows(
      from.rows, [&](auto count) { return to.initRows(count); },
      [](wire::WorkingSetRow::Builder row, const provenance::working_set_row& it) {
        row.setFromNs(it.from.ns);
        row.setElements(it.elements);
        row.setRecords(it.records);
        row.setBytes(it.bytes);
      });
  to.setElements(from.elements);
  write(to.initSeen(), from.seen);
}
provenance::working_set_answer read(wire::WorkingSetAnswer::Reader from) {
  provenance::working_set_answer to{.elements = from.getElements(), .seen = read(from.getSeen())};
  read_rows(to.rows, from.getRows(), [](wire::WorkingSetRow::Reader row) {
    return provenance::working_set_row{
        {row.getFromNs()}, row.getElements(), row.getRecords(), row.getBytes()};
  });
  return to;
}

} // namespace forerun::control
