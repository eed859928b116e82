#include "apps/cli/demo.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/table.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/units.hpp"
#include "runtime/replay/load.hpp"
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fstream>
#include <thread>

namespace forerun::cli {

namespace {

volatile std::sig_atomic_t interrupted = 0;

/// The recorded boots that come with the project: beside the installed program, or in the source tree.
std::string sample(const std::string& name) {
  const std::filesystem::path here = program_folder();
  for (const auto& folder : {here / "../share/forerun/boot", here / "../../../tests/data/boot"})
    if (std::filesystem::exists(folder / name))
      return (folder / name).lexically_normal().string();
  throw std::runtime_error("the sample recording " + name +
                           " is not there; name one with --trace and --second");
}

double seconds(nanos time) {
  return std::chrono::duration<double>(time).count();
}

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void print(std::ostream& out, const std::vector<demo_row>& rows) {
  table shown({"RUN", ">WALL", ">WAITED", ">STALL", ">READS", ">THAT WAITED", ">MOVED", ">MOVED/READ",
               ">ACCURACY", ">COVERAGE", ">WASTE"});
  for (const auto& row : rows) {
    const bool prefetched = row.prefetched_blocks > 0;
    shown.row(
        {row.name, fmt::format("{:.2f} s", seconds(row.saw.wall)),
         fmt::format("{:.2f} s", seconds(row.saw.wait)), fmt::format("{:.2f} s", seconds(row.saw.stall)),
         std::to_string(row.saw.reads), std::to_string(row.saw.reads_waited), format_bytes(row.moved_bytes),
         fmt::format("{:.3f}", ratio(row.moved_bytes, row.saw.distinct_image_bytes)),
         prefetched ? fmt::format("{:.1f} %", 100 * ratio(row.used_blocks, row.prefetched_blocks)) : "-",
         prefetched
             ? fmt::format("{:.1f} %", 100 * ratio(row.used_blocks, row.used_blocks + row.missed_blocks))
             : "-",
         prefetched ? format_bytes((row.prefetched_blocks - row.used_blocks) * block_bytes) : "-"});
  }
  out << '\n';
  shown.print(out);
}

std::string to_json(const std::vector<demo_row>& rows, const demo_options& options) {
  json out;
  out.open_object()
      .field("delay", options.delay)
      .field("rate", options.rate)
      .field("speed", options.speed)
      .field("serial", options.serial);
  out.key("runs").open_array();
  for (const auto& row : rows) {
    out.open_object()
        .field("name", row.name)
        .field("wall_seconds", seconds(row.saw.wall))
        .field("wait_seconds", seconds(row.saw.wait))
        .field("stall_seconds", seconds(row.saw.stall))
        .field("reads", row.saw.reads)
        .field("reads_waited", row.saw.reads_waited)
        .field("moved_bytes", row.moved_bytes)
        .field("distinct_bytes", row.saw.distinct_image_bytes)
        .field("prefetched_blocks", row.prefetched_blocks)
        .field("used_blocks", row.used_blocks)
        .field("missed_blocks", row.missed_blocks)
        .field("verified_blocks", row.saw.contents.blocks)
        .field("wrong_blocks", row.saw.contents.mismatches)
        .close();
  }
  return out.close().close().text();
}

/// What the run must show to count as well done; an empty text if it does.
std::string judge(const std::vector<demo_row>& rows) {
  for (const auto& row : rows) {
    if (row.saw.contents.mismatches > 0)
      return fmt::format("{}: {} blocks have wrong contents", row.name, row.saw.contents.mismatches);
    if (row.saw.failed > 0)
      return fmt::format("{}: {} requests failed", row.name, row.saw.failed);
  }
  if (rows[2].saw.wait >= rows[0].saw.wait)
    return "the second run waited as long as one without prefetch";
  return "";
}

} // namespace

int demo(const demo_options& given, std::ostream& out, std::ostream& err) {
  auto options = given;
  if (options.first.empty() != options.second.empty()) {
    err << "forerun: name two recordings of the same program: --trace and --second\n";
    return exit_usage;
  }
  try {
    if (options.first.empty()) {
      options.first = sample("alpha-none-1.csv.gz");
      options.second = sample("alpha-none-2.csv.gz");
      options.program = "none";
    }
    std::uint64_t bytes = std::uint64_t{1} << 20;
    for (const auto& file : {options.first, options.second}) {
      const auto trace = replay::load_trace(file);
      if (!trace) {
        err << "forerun: the recording " << file << ": " << to_string(trace.error()) << '\n';
        return exit_failed;
      }
      bytes = std::max(bytes, (trace.value().bytes_needed() + (1u << 20) - 1) >> 20 << 20);
    }
    fmt::print(
        out,
        "A guest boots from an image that is {} and {} away (think times ÷ {}). Recordings:\n  {}\n  {}\n\n",
        options.delay, options.rate, options.speed, std::filesystem::proximate(options.first).string(),
        std::filesystem::proximate(options.second).string());
    demo_stage stage{options, bytes, out};
    std::vector<demo_row> rows;
    rows.push_back(stage.run("on demand, nothing predicted", options.second, false));
    rows.push_back(stage.run("first run: learns", options.first, true));
    stage.drop_caches();
    rows.push_back(stage.run("second run: another boot, no cache", options.second, true));
    rows.push_back(stage.run("floor: all of it local", options.second, true));
    print(out, rows);
    const auto wrong = judge(rows);
    if (wrong.empty())
      fmt::print(out,
                 "\n{} blocks were compared with the image, all of them right. The second run waited {:.2f} "
                 "s instead "
                 "of {:.2f} s.\n",
                 rows[0].saw.contents.blocks + rows[1].saw.contents.blocks + rows[2].saw.contents.blocks,
                 seconds(rows[2].saw.wait), seconds(rows[0].saw.wait));
    if (!options.json.empty() && !(std::ofstream{options.json} << to_json(rows, options) << '\n')) {
      err << "forerun: " << options.json << " cannot be written\n";
      return exit_failed;
    }
    if (!wrong.empty()) {
      err << "forerun: " << wrong << '\n';
      return exit_failed;
    }
    if (options.once)
      return exit_ok;
    stage.explain(out);
    for (const int number : {SIGINT, SIGTERM})
      std::signal(number, [](int) { interrupted = 1; });
    while (interrupted == 0 && stage.running())
      std::this_thread::sleep_for(std::chrono::milliseconds{100});
    return exit_ok;
  } catch (const std::exception& failed) {
    err << "forerun: " << failed.what() << '\n';
    return exit_failed;
  }
}

void add_demo_command(CLI::App& app, context& where) {
  auto* command = app.add_subcommand("demo", "Show on this machine how a second boot hardly waits");
  auto options = std::make_shared<demo_options>();
  command->add_option("--trace", options->first,
                      "Recording of the first run (CSV, may be gzip; default: a sample)");
  command->add_option("--second", options->second, "Another recording of the same program");
  command->add_option("--image", options->image, "URL of your image (default: a pattern that is verified)");
  command->add_option("--program", options->program, "What the recordings are of")->capture_default_str();
  command->add_option("--delay", options->delay, "Of the origin")->capture_default_str();
  command->add_option("--rate", options->rate, "Of the origin")->capture_default_str();
  command->add_option("--speed", options->speed, "Think times are divided by this")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--serial", options->serial, "A guest that hardly overlaps its reads");
  command->add_flag("--once", options->once, "End after the table; the exit code is 0 if all went well");
  command->add_option("--json", options->json, "Write the table to this file")->type_name("FILE");
  command->callback([&where, options] { where.code = demo(*options, where.out, where.err); });
}

} // namespace forerun::cli
