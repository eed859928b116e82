#include "apps/cli/commands.hpp"
#include "apps/cli/import_file.hpp"
#include "apps/cli/replay_report.hpp"
#include "apps/cli/table.hpp"
#include "runtime/base/units.hpp"
#include "runtime/trace/text.hpp"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fstream>

namespace forerun::cli {
namespace {

struct arguments {
  std::vector<std::string> files;
  std::vector<std::string> train;
  std::string cache = "10%";
  std::string delay = "10ms";
  std::string rate = "1Gbit";
  float traffic = predict::mix_budget_limits{}.traffic_max;
  std::vector<std::string> policies;
  std::string json;
  std::string report;
  std::string format;
  std::string columns;
  bool strict = false;
  replay_reading reading;
};

/// What --cache says, in elements of the footprint.
struct cache_size {
  double share = 0; ///< 0: `elements` counts.
  std::uint64_t elements = 0;
};

std::optional<cache_size> parse_cache(std::string_view text) {
  double percents = 0;
  std::uint64_t count = 0;
  constexpr std::uint64_t elements_max = std::uint64_t{1} << 32;
  const auto without = [&](std::string_view unit) { return text.substr(0, text.size() - unit.size()); };
  if (text.ends_with("%"))
    return trace::number(without("%"), 100.0, percents) && percents > 0
               ? std::optional(cache_size{.share = percents / 100})
               : std::nullopt;
  for (const std::string_view unit : {"blocks", "keys"})
    if (text.ends_with(unit))
      return trace::number(without(unit), elements_max, count) && count > 0
                 ? std::optional(cache_size{.elements = count})
                 : std::nullopt;
  const auto bytes = parse_bytes(text);
  if (!bytes || bytes.value() < block_bytes || bytes.value() / block_bytes > elements_max)
    return std::nullopt;
  return cache_size{.elements = bytes.value() / block_bytes};
}

std::string cache_problem(const std::string& text) {
  return parse_cache(text) ? "" : "is no size of a cache; write 10%, 512MiB, 4096blocks or 1000keys";
}

/// "10ms", or "64requests" for a trace without times.
bool parse_delay(std::string_view text, study::far_side& into) {
  constexpr std::string_view unit = "requests";
  if (text.ends_with(unit)) {
    into.timed = false;
    return trace::number(text.substr(0, text.size() - unit.size()), 100'000u, into.delay_requests);
  }
  const auto time = parse_duration(text);
  if (!time || time.value() > std::chrono::minutes{1})
    return false;
  into.timed = true;
  into.delay = time.value();
  return true;
}

std::string delay_problem(const std::string& text) {
  study::far_side ignored;
  return parse_delay(text, ignored) ? "" : "is no delay; write 10ms, or 64requests for a trace without times";
}

std::string rate_problem(const std::string& text) {
  const auto rate = parse_rate(text);
  return rate && rate.value() > 0 ? "" : "is no rate; write bits in a second such as 1Gbit";
}

bool write_file(context& where, const std::string& path, const std::string& text) {
  std::ofstream file{path};
  if (file << text << '\n' && file.flush())
    return true;
  complain(where, {errc::io_failed, path + " cannot be written", "look at the folder and its rights"});
  return false;
}

void tell_rows(context& where, const replay_trace& trace) {
  where.err << fmt::format("{} requests, {} touches", trace.requests->size(), trace.touches);
  if (trace.rows_other > 0)
    where.err << fmt::format("; {} rows are no requests to data", trace.rows_other);
  if (trace.rows_back > 0)
    where.err << fmt::format("; {} rows go back in time", trace.rows_back);
  where.err << '\n';
  if (trace.rows_broken > 0)
    where.err << fmt::format("{} rows are broken and left out:\n", trace.rows_broken);
  for (const auto& each : trace.broken)
    where.err << "  " << printable(each) << '\n';
}

/// The sizes of the report's first drawing, around the chosen one.
std::vector<study_job> other_sizes(const replay_outcome& of, const std::vector<std::string>& policies) {
  std::vector<study_job> jobs;
  for (const double part : {0.02, 0.05, 0.1, 0.2, 0.4}) {
    const auto capacity = static_cast<std::size_t>(static_cast<double>(of.footprint) * part);
    for (const auto& policy : policies)
      if (capacity >= 16 && capacity != of.capacity)
        jobs.push_back({.policy = policy, .capacity = capacity});
  }
  return jobs;
}

bool complain_spool(context& where, const result<void>& done) {
  if (!done)
    complain(where, {done.error(), "the temporary file failed", "set TMPDIR to a folder with room"});
  return !done;
}

void replay_all(context& where, const arguments& given) {
  replay_loader loader(given.reading, &where.err);
  std::vector<replay_trace> train;
  for (const auto& file : given.train) {
    auto run = loader.load({file}, false);
    if (!run)
      return complain(where, loader.failed());
    train.push_back(std::move(*run));
  }
  const auto keys_end = loader.keys_end(); // That earlier runs named.
  auto trace = loader.load(given.files, true);
  if (!trace)
    return complain(where, loader.failed());
  tell_rows(where, *trace);
  if (given.strict && trace->rows_broken > 0)
    return complain(where, {errc::invalid_argument, fmt::format("{} rows are broken", trace->rows_broken),
                            "leave --strict out to go on without them"});
  auto policies = given.policies.empty() ? study_policies() : given.policies;
  if (std::any_of(policies.begin(), policies.end(), is_limit) &&
      complain_spool(where, loader.look_ahead(*trace)))
    return;

  replay_outcome outcome;
  outcome.name = recording_name(given.files.front());
  outcome.trace = &*trace;
  outcome.footprint = loader.footprint();
  (void)parse_delay(given.delay, outcome.origin);
  outcome.origin.bits_per_second = static_cast<double>(parse_rate(given.rate).value());
  outcome.origin.timed = outcome.origin.timed && trace->timed;
  const auto size = *parse_cache(given.cache);
  const auto wanted = size.share > 0 ? size.share * static_cast<double>(outcome.footprint)
                                     : static_cast<double>(size.elements);
  outcome.capacity = std::max<std::size_t>(1, static_cast<std::size_t>(wanted));
  for (const auto& policy : policies)
    outcome.jobs.push_back({.policy = policy, .capacity = outcome.capacity});
  study_plan plan{.trace = &*trace, .origin = outcome.origin, .traffic_max = given.traffic};
  if (trace->keys)
    plan.named = keys_end;
  for (const auto& run : train)
    plan.train.push_back(&run);
  if (complain_spool(where, run_study(plan, outcome.jobs, &where.err)))
    return;
  outcome.words = answer_in_words(outcome);
  for (const auto& line : outcome.words)
    where.out << line << '\n';
  where.out << '\n';
  print_table(outcome, where.out);
  if (!given.report.empty()) {
    outcome.sizes = other_sizes(outcome, policies);
    if (complain_spool(where, run_study(plan, outcome.sizes, &where.err)) ||
        complain_spool(where, measure_heat(outcome, loader.regions(heat_regions))) ||
        !write_file(where, given.report, to_html(outcome)))
      return;
  }
  if (!given.json.empty())
    (void)write_file(where, given.json, to_json(outcome));
}

} // namespace

void add_replay_command(CLI::App& app, context& where) {
  auto* command = app.add_subcommand(
      "replay", "Play your own trace against caches and prefetchers: what would forerun save you?");
  auto given = std::make_shared<arguments>();
  command
      ->add_option("file", given->files,
                   "Recordings, one behind the other: CSV or text, plain or gzip; - is standard input")
      ->required()
      ->type_name("FILE");
  command->add_option("--train", given->train, "Earlier runs of the same, which forerun knows; one a file")
      ->type_name("FILE");
  command->add_option("--cache", given->cache, "A share of what the trace touches, bytes, blocks or keys")
      ->capture_default_str()
      ->check(cache_problem);
  command->add_option("--delay", given->delay, "Of the origin; or in requests: 64requests")
      ->capture_default_str()
      ->check(delay_problem);
  command->add_option("--rate", given->rate, "Of the link to the origin")
      ->capture_default_str()
      ->check(rate_problem);
  command
      ->add_option("--traffic", given->traffic,
                   "The most that forerun may move, of what demand alone would have moved")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 100.0));
  command->add_option("--policies", given->policies, "What to compare (default: all)")
      ->delimiter(',')
      ->type_name("P,P,…")
      ->check(CLI::IsMember(study_policies()));
  command->add_option("--json", given->json, "Write all figures to this file")->type_name("FILE");
  command->add_option("--report", given->report, "Write a page with drawings to this file")
      ->type_name("FILE.html");
  command->add_option("--format", given->format, "What the files are (default: the first line tells)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember(format_names()));
  command->add_option("--columns", given->columns, "Where the columns of another format are, from 1")
      ->type_name("NAME=N:UNIT,…")
      ->check(columns_problem);
  command->add_flag("--strict", given->strict, "Refuse a trace with broken rows");
  command->add_flag("--reads", given->reading.reads_only, "Leave writes out (else they count as reads)");
  command->add_flag("--ordinal", given->reading.how.ordinal,
                    "Times are only numbers of requests (default: when the file's name says _ord)");
  command->callback([&where, given] {
    given->reading.how.as = format_named(given->format);
    if (!given->columns.empty())
      given->reading.how.columns = trace::parse_columns(given->columns).value();
    replay_all(where, *given);
  });
}

} // namespace forerun::cli
