#include "apps/cli/commands.hpp"
#include "apps/cli/interrupts.hpp"
#include "apps/cli/named_element.hpp"
#include "apps/cli/record_lines.hpp"
#include "apps/cli/record_options.hpp"
#include "apps/cli/table.hpp"
#include "runtime/provenance/export_records.hpp"
#include <fmt/format.h>

namespace forerun::cli {
namespace {

/// Rows of a batch. One is asked for ahead, and has to find room in the socket while whoever reads our output
/// pauses: the node hangs up on who leaves its answers unread.
constexpr std::uint32_t rows_each = 512;

/// Writes rows as they come; memory is that of one batch.
class printer {
public:
  printer(context& where, record_format how) : where_(where), how_(how) {
    if (how_ == record_format::csv)
      where_.out << provenance::csv_heading();
    if (how_ == record_format::table)
      where_.out << table_heading();
  }

  void row(const provenance::entry& what) {
    switch (how_) {
    case record_format::jsonl:
      provenance::append_json_line(text_, what);
      break;
    case record_format::csv:
      provenance::append_csv_line(text_, what);
      break;
    case record_format::table:
      append_table_line(text_, what);
      break;
    }
  }
  void flush() {
    where_.out << text_ << std::flush;
    text_.clear();
  }
  bool works() const { return where_.out.good(); }

  void missed(const control::record_batch& what) {
    if (what.missed == 0)
      return;
    const auto behind = what.rows.empty() ? what.next_position : what.rows.front().what.position;
    if (where_.json)
      where_.err << fmt::format("{{\"missed\":{},\"before\":{}}}\n", what.missed, behind);
    else
      where_.err << fmt::format("forerun: {} records before {} were passed over\n", what.missed, behind);
  }
  void next(std::uint64_t position) {
    if (where_.json)
      where_.err << fmt::format("{{\"next_position\":{}}}\n", position);
    else
      where_.err << fmt::format("forerun: the next position is {0}; go on with --from {0}\n", position);
  }

private:
  context& where_;
  record_format how_;
  std::string text_;
};

/// Follows the stream to its end, or until it is interrupted, or so many rows were shown.
void show_stream(context& where, control::client& node, const record_options& given, printer& out,
                 control::record_question what) {
  auto opened = node.records(what);
  if (const auto* why = std::get_if<1>(&opened)) {
    complain(where, *why);
    return;
  }
  auto& reader = std::get<0>(opened);
  std::optional<std::uint64_t> next;
  if (what.wanted.position_from != control::position_newest)
    next = what.wanted.position_from;
  auto left = given.rows == 0 ? std::numeric_limits<std::uint64_t>::max() : given.rows;
  while (left > 0 && out.works()) {
    const auto got = reader.next(rows_each);
    if (const auto* why = std::get_if<1>(&got)) {
      if (why->code != errc::cancelled)
        complain(where, *why);
      break;
    }
    const auto& batch = std::get<0>(got);
    out.missed(batch);
    const auto shown = std::min<std::uint64_t>(left, batch.rows.size());
    for (std::size_t i = 0; i < shown; ++i)
      out.row(batch.rows[i]);
    out.flush();
    left -= shown;
    next = shown == batch.rows.size() ? batch.next_position : batch.rows[shown].what.position;
    if (batch.ended)
      break;
  }
  if (what.follow && next)
    out.next(*next);
}

/// The newest first show what there is, in order of position; returns where a stream would go on.
std::optional<std::uint64_t> show_last(context& where, control::client& node, const record_options& given,
                                       printer& out, const control::record_question& what) {
  const auto got = node.last_records(what, given.last);
  if (const auto* why = std::get_if<1>(&got)) {
    if (why->code != errc::cancelled)
      complain(where, *why);
    return std::nullopt;
  }
  const auto& batch = std::get<0>(got);
  for (auto row = batch.rows.rbegin(); row != batch.rows.rend(); ++row)
    out.row(*row);
  out.flush();
  return batch.next_position;
}

void show_records(context& where, const record_options& given) {
  const interrupts stop;
  with_node(where, [&](control::client& node) {
    if (stop.fd() >= 0)
      node.give_up_on(stop.fd());
    auto what = given.question();
    if (!given.name.empty() && !find_named(where, node, given.name, what))
      return;
    printer out(where, given.format_of(where.json));
    if (given.last > 0) {
      const auto next = show_last(where, node, given, out, what);
      if (!next || !given.follow)
        return;
      what.wanted.position_from = *next;
    }
    show_stream(where, node, given, out, what);
  });
}

} // namespace

void add_records_command(CLI::App& app, context& where) {
  auto* records = app.add_subcommand("records", "Records of the provenance log, as a stream");
  auto given = std::make_shared<record_options>();
  given->add_to(*records);
  records->callback([&where, given] { show_records(where, *given); });
}

} // namespace forerun::cli
