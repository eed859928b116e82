#include "apps/cli/commands.hpp"
#include "apps/cli/table.hpp"
#include "apps/cli/when.hpp"
#include "runtime/base/extent.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/units.hpp"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace forerun::cli {
namespace {

using control::to_string;

constexpr std::uint32_t heat_rows_shown = 64; ///< More than a screen helps nobody; JSON has all.

double seconds(nanos time) {
  return std::chrono::duration<double>(time).count();
}

std::string bar(double share) {
  constexpr std::size_t length = 20;
  const auto filled = static_cast<std::size_t>(std::lround(std::clamp(share, 0.0, 1.0) * length));
  return std::string(filled, '#') + std::string(length - filled, '.');
}

std::string blocks(std::uint64_t first, std::uint64_t count) {
  return count <= 1 ? std::to_string(first) : fmt::format("{}-{}", first, first + count - 1);
}

void show_heat(context& where, const control::heat_map& map) {
  if (where.json) {
    json out;
    out.open_object().field("volume", map.volume).field("blocks", map.blocks).key("regions").open_array();
    for (const auto& row : map.rows)
      out.open_object()
          .field("first_block", row.first_block)
          .field("block_count", row.block_count)
          .field("probability", row.probability)
          .field("resident", row.resident)
          .field("reads", row.reads)
          .close();
    where.out << out.close().close().text() << '\n';
    return;
  }
  table out({"BLOCKS", ">AT", "EXPECTED", "", "LOCAL", ">READS"});
  for (const auto& row : map.rows)
    out.row({blocks(row.first_block, row.block_count), format_bytes(row.first_block * block_bytes),
             bar(row.probability), fmt::format("{:.2f}", row.probability), percent(row.resident),
             std::to_string(row.reads)});
  out.print(where.out);
}

void show_file_heat(context& where, const control::file_heat_map& map) {
  if (where.json) {
    json out;
    out.open_object().field("volume", map.volume).field("files", map.files).key("hottest").open_array();
    for (const auto& row : map.rows)
      out.open_object()
          .field("path", row.path)
          .field("bytes", row.bytes)
          .field("blocks", row.blocks)
          .field("probability", row.probability)
          .field("resident", row.resident)
          .close();
    where.out << out.close().close().text() << '\n';
    return;
  }
  if (map.rows.empty()) {
    where.out << fmt::format("none of the image's {} files is expected to be read\n", map.files);
    return;
  }
  table out({"FILE", ">SIZE", "EXPECTED", "", "LOCAL"});
  for (const auto& row : map.rows)
    out.row({printable(row.path), format_bytes(row.bytes), bar(row.probability),
             fmt::format("{:.2f}", row.probability), percent(row.resident)});
  out.print(where.out);
}

void put(json& out, const control::why_row& row) {
  out.open_object()
      .field("volume", row.volume)
      .field("block", row.block)
      .field("place", to_string(row.place))
      .field("settled", to_string(row.settled));
  out.key("plan");
  if (row.settled == control::settlement::never_prefetched) {
    out.null().close();
    return;
  }
  out.open_object()
      .field("by", to_string(row.by))
      .field("detail", row.detail)
      .field("tier", to_string(row.tier))
      .field("probability", row.probability)
      .field("planned_seconds_ago", seconds(row.planned_ago))
      .field("expected_after_seconds", seconds(row.expected_after))
      .key("read_after_seconds");
  if (row.read_after)
    out.value(seconds(*row.read_after));
  else
    out.null();
  out.close().close();
}

void show_why(context& where, const control::why_row& row) {
  if (where.json) {
    json out;
    put(out, row);
    where.out << out.text() << '\n';
    return;
  }
  const auto line = [&where](std::string_view name, const std::string& what) {
    where.out << fmt::format("  {:<10}{}\n", name, printable(what));
  };
  where.out << fmt::format("block {} of {}, at {}\n", row.block, printable(row.volume),
                           format_bytes(row.block * block_bytes));
  line("now", std::string(to_string(row.place)));
  if (row.settled == control::settlement::never_prefetched) {
    line("prefetch", "never; what is local was read on demand or written");
    return;
  }
  line("asked by", fmt::format("{}{}", to_string(row.by), row.detail.empty() ? "" : " (" + row.detail + ")"));
  line("because", fmt::format("probability {:.2f}, tier {}", row.probability, to_string(row.tier)));
  line("planned", fmt::format("{} ago, for a read expected {} later", format_duration(row.planned_ago),
                              format_duration(row.expected_after)));
  line("read", row.read_after ? format_duration(*row.read_after) + " after the plan" : "not since the plan");
  line("outcome", std::string(to_string(row.settled)));
}

void show_history(context& where, const std::vector<control::history_row>& rows) {
  if (where.json) {
    json out;
    out.open_array();
    for (const auto& row : rows)
      out.open_object()
          .field("at", when(row.at))
          .field("at_ns", row.at.ns)
          .field("vm", row.vm)
          .field("program", row.program)
          .field("user", row.user)
          .field("run", row.run)
          .field("operation", to_string(row.op))
          .field("first_block", row.first_block)
          .field("block_count", row.block_count)
          .field("bytes", row.bytes)
          .field("outcome", to_string(row.how))
          .field("latency_seconds", seconds(row.latency))
          .field("digest", row.digest)
          .field("position", row.position)
          .close();
    where.out << out.close().text() << '\n';
    return;
  }
  table out({"TIME", "VM", "PROGRAM", "USER", ">RUN", "OPERATION", "BLOCKS", ">SIZE", "OUTCOME", ">LATENCY",
             "DIGEST", "RECORD"});
  for (const auto& row : rows)
    out.row({when(row.at), row.vm, row.program, row.user, std::to_string(row.run),
             std::string(to_string(row.op)), blocks(row.first_block, row.block_count),
             format_bytes(row.bytes), std::string(to_string(row.how)), format_duration(row.latency),
             row.digest, std::to_string(row.position)});
  out.print(where.out);
}

/// The line's reader would take -1 for the largest number there is.
std::string block_problem(const std::string& text) {
  const auto digits = text.find_first_not_of("0123456789") == std::string::npos;
  return digits && text.size() < 20 ? std::string{} : "is no block number; write digits only";
}

struct arguments {
  std::string volume;
  std::uint64_t block = 0;
  std::uint32_t rows = 0;
  bool files = false;
};

std::shared_ptr<arguments> volume_argument(CLI::App& command) {
  auto given = std::make_shared<arguments>();
  command.add_option("volume", given->volume, "The volume's name")->required()->type_name("VOLUME");
  return given;
}

} // namespace

void add_explain_commands(CLI::App& app, context& where) {
  auto* heat = app.add_subcommand("heat", "Where a volume is expected to be read");
  auto given = volume_argument(*heat);
  heat->add_option("--rows", given->rows, "Regions or files to show (default: 64, in JSON all, at most 4096)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, control::heat_rows_max));
  heat->add_flag("--files", given->files, "By file of the volume's image, the hottest first (at most 1024)");
  heat->callback([&where, given] {
    const auto rows = given->rows != 0 || where.json ? given->rows : heat_rows_shown;
    with_node(where, [&](control::client& node) {
      if (given->files) {
        present(where, node.file_heat(given->volume, rows),
                [&](const auto& map) { show_file_heat(where, map); });
        return;
      }
      present(where, node.heat(given->volume, rows), [&](const auto& map) { show_heat(where, map); });
    });
  });

  auto* why = app.add_subcommand("why", "Why a block is where it is, and what became of its prefetch");
  given = volume_argument(*why);
  why->add_option("block", given->block, "Number of the 4 KiB block, from 0")
      ->required()
      ->type_name("BLOCK")
      ->check(block_problem);
  why->callback([&where, given] {
    with_node(where, [&](control::client& node) {
      present(where, node.why(given->volume, given->block), [&](const auto& row) { show_why(where, row); });
    });
  });

  auto* history = app.add_subcommand("history", "Who touched a block, newest first");
  given = volume_argument(*history);
  history->add_option("block", given->block, "Number of the 4 KiB block, from 0")
      ->required()
      ->type_name("BLOCK")
      ->check(block_problem);
  given->rows = 20;
  history->add_option("--rows", given->rows, "Records to show, at most 1024 (default: 20)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, control::history_rows_max));
  history->callback([&where, given] {
    with_node(where, [&](control::client& node) {
      present(where, node.history(given->volume, given->block, given->rows),
              [&](const auto& rows) { show_history(where, rows); });
    });
  });
}

} // namespace forerun::cli
