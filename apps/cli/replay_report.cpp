#include "apps/cli/replay_report.hpp"
#include "apps/cli/table.hpp"
#include "runtime/base/units.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace forerun::cli {
namespace {

// A drawing, in the units of its viewBox.
constexpr double width = 640, height = 320, left = 60, right = 20, top = 16, bottom = 44;

constexpr std::string_view colours[] = {"#7f7f7f", "#bcbd22", "#8c564b", "#9467bd", "#000000", "#1f77b4",
                                        "#17becf", "#2ca02c", "#ff7f0e", "#e377c2", "#d62728", "#444444"};

std::string_view colour_of(std::string_view policy) {
  const auto& all = study_policies();
  const auto at = std::find(all.begin(), all.end(), policy) - all.begin();
  return colours[static_cast<std::size_t>(at) % std::size(colours)];
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const auto c : printable(text))
    out += c == '<'   ? "&lt;"
           : c == '>' ? "&gt;"
           : c == '&' ? "&amp;"
           : c == '"' ? "&quot;"
                      : std::string(1, c);
  return out;
}

/// Axes and marks of one drawing; both axes run from 0.
class drawing {
public:
  drawing(std::string_view title, std::string_view across, std::string_view up, double x_max, double y_max)
      : x_max_(x_max > 0 ? x_max : 1), y_max_(y_max > 0 ? y_max : 1) {
    svg_ = fmt::format("<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 {} {}\" role=\"img\">", title,
                       width, height);
    for (int step = 0; step <= 4; ++step) {
      const auto part = step / 4.0;
      svg_ += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>", left, y(part * y_max_),
                          width - right);
      svg_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{:.3g}</text>", left - 6,
                          y(part * y_max_) + 4, part * y_max_);
      svg_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:.3g}</text>",
                          x(part * x_max_), height - bottom + 16, part * x_max_);
    }
    svg_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>",
                        (left + width - right) / 2, height - 8, across);
    svg_ +=
        fmt::format("<text transform=\"translate(14 {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
                    (top + height - bottom) / 2, up);
  }
  void line(const std::vector<std::pair<double, double>>& points, std::string_view colour,
            std::string_view name) {
    std::string path;
    for (const auto& [px, py] : points)
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x(px), y(py));
    svg_ += fmt::format("<path class=\"line\" stroke=\"{}\" d=\"{}\"><title>{}</title></path>", colour, path,
                        name);
    legend(colour, name);
  }
  void dot(double px, double py, std::string_view colour, std::string_view name, double size = 5) {
    svg_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"{}\"><title>{}: {:.3f}, "
                        "{:.3f}</title></circle>",
                        x(px), y(py), size, colour, name, px, py);
  }
  void cell(double px, double py, double wide, double high, double share) {
    svg_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"#d62728\" "
                        "fill-opacity=\"{:.2f}\"/>",
                        x(px), y(py + high), x(px + wide) - x(px), y(py) - y(py + high), share);
  }
  void legend(std::string_view colour, std::string_view name) {
    legend_ += fmt::format("<span style=\"color:{}\">● {}</span> ", colour, name);
  }
  std::string done() const { return svg_ + "</svg><p class=\"legend\">" + legend_ + "</p></figure>\n"; }

private:
  double x(double value) const { return left + value / x_max_ * (width - left - right); }
  double y(double value) const { return height - bottom - value / y_max_ * (height - top - bottom); }

  double x_max_, y_max_;
  std::string svg_;
  std::string legend_;
};

std::string draw_sizes(const replay_outcome& of) {
  auto all = of.sizes;
  all.insert(all.end(), of.jobs.begin(), of.jobs.end());
  double most = 0;
  for (const auto& job : all)
    most = std::max(most, 100 * study::share(job.capacity, of.footprint));
  drawing plot("Misses over the size of the cache", "cache, % of what the trace touches", "missed touches, %",
               most, 100);
  for (const auto& job : of.jobs) {
    std::vector<std::pair<double, double>> points;
    for (const auto& each : all)
      if (each.policy == job.policy)
        points.emplace_back(100 * study::share(each.capacity, of.footprint), 100 * each.seen.miss_share());
    std::sort(points.begin(), points.end());
    plot.line(points, colour_of(job.policy), job.policy);
  }
  return plot.done();
}

std::string draw_waste(const replay_outcome& of) {
  drawing plot("Waste against coverage: right and low is good", "coverage, %",
               "fetched in vain, % of all fetched", 100, 100);
  for (const auto& job : of.jobs)
    if (job.seen.prefetched > 0) {
      plot.dot(100 * job.seen.coverage(),
               100 * study::share(job.seen.prefetched - job.seen.used, job.seen.fetched()),
               colour_of(job.policy), job.policy);
      plot.legend(colour_of(job.policy), job.policy);
    }
  return plot.done();
}

std::string draw_timeline(const replay_outcome& of) {
  const bool timed = of.origin.timed;
  const auto value = [&](const study::period& one) {
    return timed ? std::chrono::duration<double>(one.stall).count()
                 : 100 * study::share(one.misses, one.touches);
  };
  double most = timed ? 0 : 100;
  for (const auto& job : of.jobs)
    for (const auto& one : job.seen.timeline)
      most = std::max(most, value(one));
  drawing plot(timed ? "Stall along the trace" : "Misses along the trace (it has no times)", "requests, %",
               timed ? "seconds waited" : "missed touches, %", 100, most);
  for (const std::string_view policy : {"lru", "readahead", "forerun"})
    if (const auto* job = find_job(of.jobs, policy)) {
      std::vector<std::pair<double, double>> points;
      for (std::size_t at = 0; at < study::periods; ++at)
        if (job->seen.timeline[at].touches > 0)
          points.emplace_back(100.0 * (static_cast<double>(at) + 0.5) / study::periods,
                              value(job->seen.timeline[at]));
      plot.line(points, colour_of(policy), policy);
    }
  return plot.done();
}

std::string draw_heat(const replay_outcome& of) {
  drawing plot("Heat: touches of each part of the footprint", "requests, %",
               "footprint, % (in order of address)", 100, 100);
  std::uint32_t most = 1;
  for (const auto& column : of.heat)
    most = std::max(most, *std::max_element(column.begin(), column.end()));
  const auto wide = 100.0 / static_cast<double>(std::max<std::size_t>(of.heat.size(), 1));
  for (std::size_t at = 0; at < of.heat.size(); ++at)
    for (std::size_t region = 0; region < heat_regions; ++region)
      if (const auto touches = of.heat[at][region]; touches > 0)
        plot.cell(static_cast<double>(at) * wide, 100.0 * static_cast<double>(region) / heat_regions, wide,
                  100.0 / heat_regions, 0.1 + 0.9 * study::share(touches, most));
  return plot.done();
}

std::string draw_calibration(std::string_view what, const predict::scores& scores) {
  drawing plot(fmt::format("Is forerun honest? Stated probability against what came true, of {} {} blocks "
                           "(error {:.3f})",
                           scores.count(), what, scores.calibration_error()),
               "stated, %", "used, %", 100, 100);
  plot.line({{0, 0}, {100, 100}}, "#bbbbbb", "honest");
  const auto bins = scores.bins();
  const auto most = std::max_element(bins.begin(), bins.end(), [](const auto& a, const auto& b) {
                      return a.count < b.count;
                    })->count;
  for (const auto& bin : bins)
    if (bin.count > 0)
      plot.dot(100 * bin.said / bin.count, 100 * bin.used / bin.count, colour_of("forerun"),
               fmt::format("{:.0f} blocks", bin.count), 3 + 7 * bin.count / most);
  return plot.done();
}

std::string draw_table(const replay_outcome& of) {
  std::string out =
      "<table><tr><th>policy<th>misses<th>requests<th>accuracy<th>coverage<th>fetched<th>wasted";
  out += of.origin.timed ? "<th>stall</tr>" : "</tr>";
  for (const auto& job : of.jobs) {
    const auto& seen = job.seen;
    out += fmt::format("<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}", job.policy,
                       percent(seen.miss_share()), percent(seen.request_miss_share()),
                       percent(seen.used, seen.prefetched), percent(seen.used, seen.used + seen.demand()),
                       seen.fetched(), percent(seen.prefetched - seen.used, seen.fetched()));
    if (of.origin.timed)
      out += "<td>" + format_duration(seen.stall);
    out += "</tr>\n";
  }
  return out + "</table>\n";
}

} // namespace

result<void> measure_heat(replay_outcome& of, const std::vector<std::uint64_t>& regions) {
  const auto& rows = *of.trace->requests;
  of.heat.assign(std::min<std::uint64_t>(rows.size(), study::periods), {});
  std::vector<study::request> piece;
  for (std::uint64_t at = 0; at < rows.size(); at += piece.size()) {
    piece.resize(std::min<std::uint64_t>(rows.size() - at, spool<study::request>::piece));
    if (auto got = rows.read(at, piece); !got)
      return got;
    for (std::size_t i = 0; i < piece.size(); ++i) {
      auto& column = of.heat[(at + i) * of.heat.size() / rows.size()];
      const auto behind = std::upper_bound(regions.begin(), regions.end(), piece[i].first);
      column[static_cast<std::size_t>(std::max<std::ptrdiff_t>(behind - regions.begin() - 1, 0))] +=
          piece[i].count;
    }
  }
  return success();
}

std::string to_html(const replay_outcome& of) {
  std::string out =
      fmt::format(R"(<!doctype html><html lang="en"><meta charset="utf-8"><title>forerun replay: {0}</title>
<style>body{{font:15px/1.45 sans-serif;max-width:1400px;margin:2em auto;padding:0 1em}}
main{{display:grid;grid-template-columns:repeat(auto-fit,minmax(520px,1fr));gap:1.5em}}
figure{{margin:0}}figcaption{{font-weight:bold}}svg{{width:100%}}svg text{{font-size:11px}}
.grid{{stroke:#ddd}}.line{{fill:none;stroke-width:2}}.legend{{font-size:13px;margin:0}}
table{{border-collapse:collapse}}td,th{{padding:2px 10px;text-align:right}}td:first-child{{text-align:left}}</style>
<h1>forerun replay: {0}</h1>
)",
                  escaped(of.name));
  for (const auto& line : of.words)
    out += "<p>" + escaped(line) + "</p>\n";
  out += fmt::format("<p>{} requests, {} touches of {} {}. {} rows were broken and left out.</p>\n",
                     of.trace->requests->size(), of.trace->touches, of.footprint,
                     of.trace->keys ? "keys" : "blocks of 4 KiB", of.trace->rows_broken);
  out += draw_table(of) + "<main>" + draw_sizes(of) + draw_waste(of) + draw_timeline(of) + draw_heat(of);
  if (const auto* ours = find_job(of.jobs, "forerun"))
    out += draw_calibration("proposed", ours->seen.proposed) + draw_calibration("moved", ours->seen.moved);
  return out + "</main></html>";
}

} // namespace forerun::cli
