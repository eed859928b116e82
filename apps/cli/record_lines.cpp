#include "apps/cli/record_lines.hpp"
#include "apps/cli/table.hpp"
#include "apps/cli/when.hpp"
#include "runtime/base/units.hpp"
#include <fmt/format.h>
#include <iterator>

namespace forerun::cli {
std::string_view table_heading() {
  return "   RECORD  TIME                         WHO (VM/PROGRAM/USER)               RUN  OPERATION  "
         "ELEMENTS"
         "                         SIZE  OUTCOME   LATENCY  VALUE\n";
}

void append_table_line(std::string& to, const provenance::entry& from) {
  const auto& [who, what] = from;
  const auto agent = printable(fmt::format("{}/{}/{}", who.by.vm, who.by.program, who.by.user));
  const auto last = what.where.first + std::max(what.where.count, 1u) - 1;
  const auto range =
      last == what.where.first ? fmt::format("{}", last) : fmt::format("{}-{}", what.where.first, last);
  const auto at = to.size();
  fmt::format_to(std::back_inserter(to), "{:>9}  {}  {:<30}  {:>8}  {:<9}  {:<26}  {:>9}  {:<7}  {:>8}  {}",
                 what.position, when(what.at), agent, who.run.value, to_string(what.op),
                 fmt::format("{} {}:{}", to_string(who.kind), who.space, range), format_bytes(what.bytes),
                 to_string(what.how), format_duration(what.latency), printable(what.value));
  to.erase(std::max(at, to.find_last_not_of(' ') + 1));
  to += '\n';
}

} // namespace forerun::cli
