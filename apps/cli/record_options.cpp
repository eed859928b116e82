#include "apps/cli/record_options.hpp"
#include "apps/cli/when.hpp"
#include "runtime/base/names.hpp"
#include <algorithm>
#include <chrono>

namespace forerun::cli {
namespace {

wall_time present() {
  return {std::chrono::duration_cast<nanos>(std::chrono::system_clock::now().time_since_epoch()).count()};
}

std::optional<operation> operation_named(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  for (unsigned i = 0; i <= static_cast<unsigned>(operation_last); ++i)
    if (to_string(static_cast<operation>(i)) == upper)
      return static_cast<operation>(i);
  return std::nullopt;
}

std::string time_problem(const std::string& text) {
  return parse_when(text, present()) ? std::string{}
                                     : "is no time; write 2026-11-21T20:00:00Z, or -2h for two hours ago";
}
std::string operation_problem(const std::string& text) {
  return operation_named(text) ? std::string{}
                               : "is no operation; there are READ, WRITE, DELETE, EXECUTE, PREFETCH, EVICT, "
                                 "ALLOCATE, RELEASE";
}
std::string kind_problem(const std::string& text) {
  return kind_named(text) ? std::string{}
                          : "is no kind; there are block, key, page, file, connection, segment, resource, "
                            "program, image_block";
}
std::string name_problem(const std::string& text) {
  return text.size() <= name_bytes_max ? std::string{} : "is longer than 255 bytes";
}

} // namespace

std::optional<element_kind> kind_named(const std::string& text) {
  for (unsigned i = 0; i <= static_cast<unsigned>(element_kind_last); ++i)
    if (to_string(static_cast<element_kind>(i)) == text)
      return static_cast<element_kind>(i);
  if (text.empty() || text.size() > 3 || text.find_first_not_of("0123456789") != std::string::npos ||
      std::stoul(text) > 255)
    return std::nullopt;
  return static_cast<element_kind>(std::stoul(text));
}

std::string number_problem(const std::string& text) {
  const auto digits = text.find_first_not_of("0123456789") == std::string::npos;
  return digits && !text.empty() && text.size() < 20 ? std::string{} : "is no number; write digits only";
}

void record_options::add_filter_to(CLI::App& command) {
  command_ = &command;
  command.add_option("--vm", vm, "Of this vm")->type_name("VM")->check(name_problem);
  command.add_option("--program", program, "Of this program")->type_name("NAME")->check(name_problem);
  command.add_option("--user", user, "Of this user")->type_name("NAME")->check(name_problem);
  command.add_option("--run", run, "Of this run; 0: of none")->type_name("N")->check(number_problem);
  auto* of_volume = command.add_option("--volume", volume, "Blocks of this volume")->type_name("VOLUME");
  command.add_option("--kind", kind, "Of elements of this kind: block, key, file ...")
      ->type_name("KIND")
      ->check(kind_problem)
      ->excludes(of_volume);
  command.add_option("--space", space, "Of elements in this space")
      ->type_name("N")
      ->check(number_problem)
      ->excludes(of_volume);
  auto* one = command.add_option("--element", element, "Of this element; for blocks, of 4 KiB, from 0")
                  ->type_name("N")
                  ->check(number_problem);
  auto* named = command.add_option("--name", name, "Of the element with this name")
                    ->type_name("NAME")
                    ->excludes(one)
                    ->check(name_problem);
  for (auto* option : {command.add_option("--from-element", element_from, "Of elements from this on"),
                       command.add_option("--to-element", element_to, "Of elements up to this")})
    option->type_name("N")->check(number_problem)->excludes(one)->excludes(named);
  command.add_option("--since", since, "From this time on: RFC 3339, or -2h")
      ->type_name("TIME")
      ->check(time_problem);
  command.add_option("--until", until, "Up to this time")->type_name("TIME")->check(time_problem);
}

void record_options::add_scope_to(CLI::App& command) {
  command.add_option("--op", operations, "Only these operations: READ,WRITE ...")
      ->type_name("OP")
      ->delimiter(',')
      ->check(operation_problem);
  command.add_option("--from", from, "From this position in the log on")
      ->type_name("POSITION")
      ->check(number_problem);
}

void record_options::add_format_to(CLI::App& command) {
  command.add_option("--format", format, "table, jsonl or csv (default: table; with --json: jsonl)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "jsonl", "csv"}));
}

void record_options::add_to(CLI::App& command) {
  add_filter_to(command);
  add_scope_to(command);
  add_format_to(command);
  command.add_option("--rows", rows, "Ends after so many")->type_name("N")->check(CLI::PositiveNumber);
  command.add_option("--last", last, "The newest so many, at most 1024")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, control::record_rows_max))
      ->excludes(command.get_option("--from"));
  auto* goes_on = command.add_flag("--follow", follow,
                                   "Goes on with what comes, until Ctrl-C; begins with what is new, unless "
                                   "--from, --since or --last say otherwise");
  command.add_flag("--live,--missed-ok", live, "When too slow, passes over what is old, and says how much")
      ->needs(goes_on);
}

control::record_question record_options::question() const {
  control::record_question what;
  auto& wanted = what.wanted;
  const auto given = [this](const char* option, const std::string& text) {
    return has(option) ? std::optional{text} : std::nullopt;
  };
  wanted.vm = given("--vm", vm);
  wanted.program = given("--program", program);
  wanted.user = given("--user", user);
  if (has("--run"))
    wanted.run = run_id{run};
  if (has("--kind"))
    wanted.kind = kind_named(kind);
  if (has("--space"))
    wanted.space = space;
  if (has("--element"))
    wanted.element_first = wanted.element_last = element;
  if (has("--from-element"))
    wanted.element_first = element_from;
  if (has("--to-element"))
    wanted.element_last = element_to;
  if (!operations.empty())
    wanted.operations = 0;
  for (const auto& each : operations)
    wanted.operations |= 1u << static_cast<unsigned>(*operation_named(each));
  if (has("--since"))
    wanted.from = parse_when(since, present()).value();
  if (has("--until"))
    wanted.to = parse_when(until, present()).value();
  if (has("--from"))
    wanted.position_from = from;
  else if (follow && !has("--since"))
    wanted.position_from = last > 0 ? 0 : control::position_newest;
  what.volume = volume;
  what.follow = follow;
  what.all = !live;
  return what;
}

record_format record_options::format_of(bool json) const {
  if (format == "csv")
    return record_format::csv;
  return format == "jsonl" || (format.empty() && json) ? record_format::jsonl : record_format::table;
}

} // namespace forerun::cli
