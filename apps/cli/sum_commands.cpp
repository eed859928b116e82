#include "apps/cli/commands.hpp"
#include "apps/cli/interrupts.hpp"
#include "apps/cli/named_element.hpp"
#include "apps/cli/record_options.hpp"
#include "apps/cli/table.hpp"
#include "apps/cli/when.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/units.hpp"
#include "runtime/provenance/distinct.hpp"
#include "runtime/provenance/export_text.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace forerun::cli {
namespace {

using provenance::measure;
using provenance::time_unit;

/// Options of these commands; each has those that it needs.
struct options {
  record_options filter;
  std::vector<std::string> by{"program"};
  std::string every;
  std::string amount = "records";
  std::uint32_t rows = 20;
  std::size_t length = 2;

  bool is_by(std::string_view what) const { return std::find(by.begin(), by.end(), what) != by.end(); }
  provenance::grouping groups() const { return {is_by("vm"), is_by("program"), is_by("user")}; }
};

double seconds(nanos time) {
  return std::chrono::duration<double>(time).count();
}

// ---- Columns that several commands have

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& then) {
  first.insert(first.end(), then.begin(), then.end());
  return first;
}
std::vector<std::string> name_headings(const options& given) {
  std::vector<std::string> out;
  for (const auto& [by, heading] :
       {std::pair{"vm", "VM"}, std::pair{"program", "PROGRAM"}, std::pair{"user", "USER"}})
    if (given.is_by(by))
      out.emplace_back(heading);
  return out;
}
std::vector<std::string> names(const options& given, const provenance::agent& who) {
  std::vector<std::string> out;
  for (const auto& [by, name] :
       {std::pair{"vm", &who.vm}, std::pair{"program", &who.program}, std::pair{"user", &who.user}})
    if (given.is_by(by))
      out.push_back(*name);
  return out;
}
void put_names(json& out, const options& given, const provenance::agent& who) {
  for (const auto& [by, name] :
       {std::pair{"vm", &who.vm}, std::pair{"program", &who.program}, std::pair{"user", &who.user}})
    if (given.is_by(by))
      out.field(by, *name);
}

/// Opens the object of an answer.
void begin(json& out, const provenance::survey& seen) {
  out.open_object()
      .field("complete", seen.complete())
      .field("records", seen.scanned.matched)
      .field("examined", seen.scanned.examined)
      .field("next_position", seen.scanned.next_position)
      .field("damaged", seen.scanned.damaged)
      .field("left_out", seen.left_out);
}

/// What is missing in the figures, for people.
void tell_gaps(context& where, const provenance::survey& seen) {
  if (!seen.scanned.complete)
    where.err << fmt::format("forerun: {} records were looked at; for the rest, ask again with --from {}\n",
                             seen.scanned.examined, seen.scanned.next_position);
  if (seen.scanned.damaged > 0)
    where.err << fmt::format("forerun: {} places of the log cannot be read; see `forerun verify`\n",
                             seen.scanned.damaged);
  if (seen.left_out > 0)
    where.err << fmt::format("forerun: {} records are not, or not wholly, in these rows: too many elements, "
                             "programs or intervals\n",
                             seen.left_out);
}
void tell_overcount(context& where, std::uint64_t others_max) {
  if (others_max > 0)
    where.err << fmt::format("forerun: there were too many for a counter each; what has none may come to {} "
                             "at most\n",
                             others_max);
}

// ---- Answers

std::string unit_begin(time_unit every, std::int64_t unit) {
  const auto minutes = every == time_unit::hour ? unit * provenance::minutes_an_hour : unit;
  return when({minutes * provenance::minute_ns});
}

void show(context& where, const options& given, const control::sum_question& asked,
          const provenance::sum_answer& got) {
  const auto every = asked.what.unit;
  const auto mean = [](const provenance::totals& sum) {
    return std::chrono::microseconds{sum.records == 0 ? 0 : sum.latency_us / sum.records};
  };
  if (where.json) {
    json out;
    out.open_object().field("complete", got.complete).field("segments_read", got.segments_read);
    out.key("rows").open_array();
    for (const auto& row : got.rows) {
      out.open_object();
      if (every != time_unit::all)
        out.field("from", unit_begin(every, row.unit));
      put_names(out, given, row.who.by);
      if (asked.what.by_space)
        out.field("kind", provenance::name_of(row.who.kind)).field("space", row.who.space);
      if (asked.what.by_operation)
        out.field("operation", to_string(row.op));
      out.field("records", row.sum.records)
          .field("elements", row.sum.elements)
          .field("bytes", row.sum.bytes)
          .field("latency_us", row.sum.latency_us)
          .field("mean_latency_seconds", seconds(mean(row.sum)));
      out.key("outcomes").open_object();
      for (std::size_t i = 0; i < row.sum.outcomes.size(); ++i)
        out.field(to_string(static_cast<outcome>(i)), row.sum.outcomes[i]);
      out.close().close();
    }
    where.out << out.close().close().text() << '\n';
    return;
  }
  std::vector<std::string> headings;
  if (every != time_unit::all)
    headings.emplace_back("FROM");
  headings = joined(std::move(headings), name_headings(given));
  if (asked.what.by_space)
    headings.emplace_back("SPACE");
  if (asked.what.by_operation)
    headings.emplace_back("OPERATION");
  table out(joined(std::move(headings), {">RECORDS", ">ELEMENTS", ">SIZE", ">MEAN LATENCY", ">HITS"}));
  for (const auto& row : got.rows) {
    std::vector<std::string> cells;
    if (every != time_unit::all)
      cells.push_back(unit_begin(every, row.unit));
    cells = joined(std::move(cells), names(given, row.who.by));
    if (asked.what.by_space)
      cells.push_back(fmt::format("{} {}", provenance::name_of(row.who.kind), row.who.space));
    if (asked.what.by_operation)
      cells.emplace_back(to_string(row.op));
    const auto of = [&row](outcome how) { return row.sum.outcomes[static_cast<std::size_t>(how)]; };
    const auto hits = of(outcome::hit);
    out.row(joined(std::move(cells), {std::to_string(row.sum.records), std::to_string(row.sum.elements),
                                      format_bytes(row.sum.bytes), format_duration(mean(row.sum)),
                                      percent(hits, hits + of(outcome::late) + of(outcome::miss))}));
  }
  out.print(where.out);
  if (!got.complete)
    where.err << "forerun: there is more than these rows, or a part of the log is damaged; ask for less with "
                 "--since and --until, and see `forerun verify`\n";
}

void show(context& where, const options& given, const control::top_question& asked,
          const provenance::top_answer& got) {
  if (where.json) {
    json out;
    begin(out, got.seen);
    out.field("measure", given.amount).field("total", got.total).field("others_max", got.others_max);
    out.key("rows").open_array();
    for (const auto& row : got.rows)
      out.open_object()
          .field("kind", provenance::name_of(row.of.kind))
          .field("space", row.of.space)
          .field("element", row.of.number)
          .field("amount", row.amount)
          .field("over_max", row.over)
          .close();
    where.out << out.close().close().text() << '\n';
    return;
  }
  const auto as_text = [&asked](std::uint64_t amount) {
    if (asked.what.by == measure::bytes)
      return format_bytes(amount);
    constexpr auto most = static_cast<std::uint64_t>(nanos::max().count() / 1000);
    return asked.what.by == measure::latency
               ? format_duration(std::chrono::microseconds{std::min(amount, most)})
               : std::to_string(amount);
  };
  table out({"SPACE", ">ELEMENT",
             asked.what.by == measure::bytes     ? ">SIZE"
             : asked.what.by == measure::latency ? ">LATENCY"
                                                 : ">RECORDS",
             ">SHARE", ">TOO MANY, AT MOST"});
  for (const auto& row : got.rows)
    out.row({fmt::format("{} {}", provenance::name_of(row.of.kind), row.of.space),
             std::to_string(row.of.number), as_text(row.amount), percent(row.amount, got.total),
             as_text(row.over)});
  out.print(where.out);
  tell_overcount(where, got.others_max);
  tell_gaps(where, got.seen);
}

void show(context& where, const options& given, const control::arrival_question&,
          const provenance::arrival_answer& got) {
  if (where.json) {
    json out;
    begin(out, got.seen);
    out.key("rows").open_array();
    for (const auto& row : got.rows) {
      out.open_object();
      put_names(out, given, row.who);
      out.field("records", row.records).field("backward", row.backward).field("gaps", row.gaps.count);
      for (const auto& [name, time] :
           {std::pair{"min_seconds", row.gaps.min}, std::pair{"mean_seconds", row.gaps.mean},
            std::pair{"p50_seconds", row.gaps.p50}, std::pair{"p90_seconds", row.gaps.p90},
            std::pair{"p99_seconds", row.gaps.p99}, std::pair{"max_seconds", row.gaps.max}})
        out.field(name, seconds(time));
      out.key("histogram").open_array();
      for (std::size_t i = 0; i < row.gaps.octaves.size(); ++i)
        if (row.gaps.octaves[i] > 0)
          out.open_object()
              .field("below_seconds", static_cast<double>(std::uint64_t{1} << (i + 1)) / 1e9)
              .field("gaps", row.gaps.octaves[i])
              .close();
      out.close().close();
    }
    where.out << out.close().close().text() << '\n';
    return;
  }
  table out(joined(name_headings(given), {">RECORDS", ">SHORTEST", ">MEAN", ">HALF BELOW", ">90 % BELOW",
                                          ">99 % BELOW", ">LONGEST", ">BACKWARD"}));
  for (const auto& row : got.rows) {
    auto cells = joined(names(given, row.who), {std::to_string(row.records)});
    for (const auto time :
         {row.gaps.min, row.gaps.mean, row.gaps.p50, row.gaps.p90, row.gaps.p99, row.gaps.max})
      cells.push_back(row.gaps.count == 0 ? "-" : format_duration(time));
    cells.push_back(std::to_string(row.backward));
    out.row(std::move(cells));
  }
  out.print(where.out);
  tell_gaps(where, got.seen);
}

void show(context& where, const options& given, const control::sequence_question&,
          const provenance::sequence_answer& got) {
  if (where.json) {
    json out;
    begin(out, got.seen);
    out.field("total", got.total).field("others_max", got.others_max).field("broken", got.broken);
    out.key("rows").open_array();
    for (const auto& row : got.rows) {
      out.open_object();
      put_names(out, given, row.who);
      out.field("kind", provenance::name_of(row.kind)).field("space", row.space);
      out.key("elements").open_array();
      for (const auto element : row.elements)
        out.value(element);
      out.close().field("count", row.count).field("over_max", row.over).close();
    }
    where.out << out.close().close().text() << '\n';
    return;
  }
  table out(joined(name_headings(given),
                   {"SPACE", "ELEMENTS, IN ORDER", ">TIMES", ">SHARE", ">TOO MANY, AT MOST"}));
  for (const auto& row : got.rows)
    out.row(joined(names(given, row.who),
                   {fmt::format("{} {}", provenance::name_of(row.kind), row.space),
                    fmt::format("{}", fmt::join(row.elements, " ")), std::to_string(row.count),
                    percent(row.count, got.total), std::to_string(row.over)}));
  out.print(where.out);
  tell_overcount(where, got.others_max);
  if (got.broken > 0)
    where.err << fmt::format("forerun: {} runs were forgotten for others; sequences may be missing\n",
                             got.broken);
  tell_gaps(where, got.seen);
}

void show(context& where, const options&, const control::working_set_question&,
          const provenance::working_set_answer& got) {
  if (where.json) {
    json out;
    begin(out, got.seen);
    out.field("elements", got.elements).field("standard_error", provenance::distinct_sketch::standard_error);
    out.key("rows").open_array();
    for (const auto& row : got.rows)
      out.open_object()
          .field("from", when(row.from))
          .field("elements", row.elements)
          .field("records", row.records)
          .field("bytes", row.bytes)
          .close();
    where.out << out.close().close().text() << '\n';
    return;
  }
  table out({"FROM", ">ELEMENTS, ABOUT", ">RECORDS", ">SIZE"});
  for (const auto& row : got.rows)
    out.row(
        {when(row.from), std::to_string(row.elements), std::to_string(row.records), format_bytes(row.bytes)});
  out.print(where.out);
  where.out << fmt::format("in all about {} different elements\n", got.elements);
  tell_gaps(where, got.seen);
}

/// Asks the node until it is interrupted, and shows the answer.
template <class Question, class Answer>
void ask(context& where, const options& given, Question what,
         control::answer<Answer> (control::client::*call)(const Question&)) {
  const interrupts stop;
  with_node(where, [&](control::client& node) {
    if (stop.fd() >= 0)
      node.give_up_on(stop.fd());
    auto about = given.filter.question();
    if (!given.filter.name.empty() && !find_named(where, node, given.filter.name, about))
      return;
    what.what.wanted = about.wanted;
    what.volume = about.volume;
    present(where, (node.*call)(what), [&](const Answer& got) { show(where, given, what, got); });
  });
}

// ---- Options

std::shared_ptr<options> filtered(CLI::App& command) {
  auto given = std::make_shared<options>();
  given->filter.add_filter_to(command);
  given->filter.add_scope_to(command);
  return given;
}

void add_by(CLI::App& command, options& given, std::vector<std::string> known) {
  command
      .add_option("--by", given.by,
                  fmt::format("Told apart by these: {} (default: program)", fmt::join(known, ",")))
      ->type_name("WHAT")
      ->delimiter(',')
      ->check(CLI::IsMember(std::move(known)));
}

void add_rows(CLI::App& command, options& given) {
  command.add_option("--rows", given.rows, "Rows to show, at most 4096 (default: 20)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, control::question_rows_max));
}

result<nanos> interval_of(const std::string& text) {
  if (text == "minute")
    return nanos{std::chrono::minutes{1}};
  return text == "hour" ? result<nanos>{nanos{std::chrono::hours{1}}} : parse_duration(text);
}
std::string interval_problem(const std::string& text) {
  const auto length = interval_of(text);
  return length && length.value().count() > 0 ? std::string{}
                                              : "is no length of time; write minute, hour, or 10 min";
}

void add_sums(CLI::App& app, context& where) {
  auto* command = app.add_subcommand("sums", "How often, how much and how long, by time and by who did it");
  auto given = filtered(*command);
  given->every = "all";
  add_by(*command, *given, {"vm", "program", "user", "space", "op", "none"});
  command->add_option("--every", given->every, "A row for each minute or hour; all: for all (default: all)")
      ->type_name("UNIT")
      ->check(CLI::IsMember({"minute", "hour", "all"}));
  command->callback([&where, given] {
    control::sum_question what;
    what.what.unit = given->every == "minute" ? time_unit::minute
                     : given->every == "hour" ? time_unit::hour
                                              : time_unit::all;
    what.what.by_vm = given->is_by("vm");
    what.what.by_program = given->is_by("program");
    what.what.by_user = given->is_by("user");
    what.what.by_space = given->is_by("space");
    what.what.by_operation = given->is_by("op");
    ask(where, *given, what, &control::client::sums);
  });
}

} // namespace

void add_sum_commands(CLI::App& app, context& where) {
  add_sums(app, where);

  auto* top = app.add_subcommand("top", "The elements that were used most");
  auto given = filtered(*top);
  top->add_option("--by", given->amount, "records, bytes or latency (default: records)")
      ->type_name("MEASURE")
      ->check(CLI::IsMember({"records", "bytes", "latency"}));
  add_rows(*top, *given);
  top->callback([&where, given] {
    control::top_question what;
    what.what.rows_max = given->rows;
    what.what.by = given->amount == "bytes"     ? measure::bytes
                   : given->amount == "latency" ? measure::latency
                                                : measure::records;
    ask(where, *given, what, &control::client::top);
  });

  auto* arrivals = app.add_subcommand("arrivals", "How long programs wait from one access to the next");
  given = filtered(*arrivals);
  add_by(*arrivals, *given, {"vm", "program", "user", "none"});
  arrivals->callback([&where, given] {
    control::arrival_question what;
    what.what.by = given->groups();
    ask(where, *given, what, &control::client::arrivals);
  });

  auto* sequences = app.add_subcommand("sequences", "Which elements programs touch one after the other");
  given = filtered(*sequences);
  add_by(*sequences, *given, {"vm", "program", "user", "none"});
  sequences->add_option("--length", given->length, "Elements of a sequence, 2 or 3 (default: 2)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{2}, provenance::sequence_max));
  add_rows(*sequences, *given);
  sequences->callback([&where, given] {
    control::sequence_question what;
    what.what.by = given->groups();
    what.what.length = given->length;
    what.what.rows_max = given->rows;
    ask(where, *given, what, &control::client::sequences);
  });

  auto* set = app.add_subcommand("working-set", "How many different elements were in use at a time");
  given = filtered(*set);
  given->every = "hour";
  set->add_option("--every", given->every, "Length of an interval: minute, hour, 10 min (default: hour)")
      ->type_name("TIME")
      ->check(interval_problem);
  set->callback([&where, given] {
    control::working_set_question what;
    what.what.every = interval_of(given->every).value();
    ask(where, *given, what, &control::client::working_set);
  });
}

} // namespace forerun::cli
