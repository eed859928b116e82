#include "apps/cli/commands.hpp"
#include "apps/cli/table.hpp"
#include "runtime/base/json.hpp"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace forerun::cli {
namespace {

using row = control::prediction_row;

void put(json& out, const row& of) {
  out.open_object().field("image", of.image).field("source", of.source);
  out.field("proposed", of.proposed).field("came_true", of.came_true);
  out.field("moved", of.moved).field("used", of.used).field("drifts", of.drifts);
  out.key("calibration");
  if (!of.judged) {
    out.null().close();
    return;
  }
  out.open_object().field("error", of.error).field("error_moved", of.error_moved);
  out.field("brier", of.brier).field("log_loss", of.log_loss).key("bins").open_array();
  for (const auto& bin : of.bins)
    out.open_object()
        .field("said", bin.said)
        .field("came_true", bin.came_true)
        .field("count", bin.count)
        .close();
  out.close().close().close();
}

/// What came true as a bar, with a mark where it would end if all that was said were true.
std::string bar(const control::calibration_bin& bin) {
  constexpr std::size_t length = 40;
  const auto place = [](double share) {
    return static_cast<std::size_t>(std::lround(std::clamp(share, 0.0, 1.0) * (length - 1)));
  };
  std::string out(length, '.');
  std::fill_n(out.begin(), place(bin.came_true) + (bin.came_true > 0), '#');
  out[place(bin.said)] = '|';
  return out;
}

void draw(std::ostream& out, const row& of) {
  out << fmt::format("\n{}, {}: of what was said to come true (|), so much did (#)\n", printable(of.source),
                     printable(of.image));
  table lines({">SAID", "", ">CAME TRUE", ">BLOCKS"});
  for (const auto& bin : of.bins)
    lines.row({fmt::format("{:.2f}", bin.said), bar(bin), fmt::format("{:.2f}", bin.came_true),
               fmt::format("{:.0f}", bin.count)});
  lines.print(out);
}

void show(context& where, const std::vector<row>& rows) {
  if (where.json) {
    json out;
    out.open_array();
    for (const auto& each : rows)
      put(out, each);
    where.out << out.close().text() << '\n';
    return;
  }
  table out({"IMAGE", "EXPERT", ">PROPOSED", ">CAME TRUE", ">MOVED", ">USED", ">ERROR", ">OF MOVED", ">BRIER",
             ">DRIFTS"});
  const auto score = [](bool judged, double value) { return judged ? fmt::format("{:.3f}", value) : "-"; };
  for (const auto& each : rows)
    out.row({each.image, each.source, std::to_string(each.proposed), percent(each.came_true, each.proposed),
             each.source == "history" ? "-" : std::to_string(each.moved), percent(each.used, each.moved),
             score(each.judged, each.error), score(each.judged && each.moved > 0, each.error_moved),
             score(each.judged, each.brier), each.source == "together" ? std::to_string(each.drifts) : "-"});
  out.print(where.out);
  for (const auto& each : rows)
    if (!each.bins.empty() && (each.source == "together" || each.source == "history"))
      draw(where.out, each);
}

} // namespace

void add_predict_command(CLI::App& app, context& where) {
  auto* predict = app.add_subcommand("predict", "What the experts' predictions were worth");
  predict->require_subcommand(1);
  auto* report = predict->add_subcommand("report", "How true their probabilities have been");
  auto of = std::make_shared<std::string>();
  report->add_option("of", *of, "A volume, or the URL of an image (default: all images)")
      ->type_name("VOLUME");
  report->callback([&where, of] {
    with_node(where, [&](control::client& node) {
      present(where, node.predictions(*of), [&](const auto& rows) { show(where, rows); });
    });
  });
}

} // namespace forerun::cli
