#include "apps/cli/import_file.hpp"
#include "apps/cli/table.hpp"
#include "runtime/base/names.hpp"
#include "runtime/replay/packed_file.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <thread>

namespace forerun::cli {
namespace {

using steady = std::chrono::steady_clock;

constexpr std::size_t piece_bytes = 256u << 10;
constexpr std::chrono::milliseconds pause_min{20}; ///< While the node is overloaded; doubled each time.
constexpr std::chrono::milliseconds pause_max{2000};
constexpr std::chrono::seconds patience_max{60}; ///< With one batch.
constexpr std::chrono::seconds progress_every{2};

control::failure unreadable(const std::string& path, errc why) {
  const auto* remedy = why == errc::corrupt
                           ? "what could be read of it is imported; unpack it from a sound copy"
                           : "look at its name and its rights";
  return {why,
          fmt::format("cannot read {}: {}", path,
                      why == errc::corrupt ? "damaged, or cut short" : to_string(why)),
          remedy};
}

class importer {
public:
  importer(const import_order& order, import_report& to, control::client& node, std::ostream* progress)
      : report_(to), node_(node), progress_(progress), batches_(order.labels),
        teaches_(!order.labels.volume.empty()),
        reader_({.as = order.as, .columns = order.columns, .ordinal = to.ordinal}) {}

  void run(replay::packed_file& file) {
    std::vector<char> piece(piece_bytes);
    while (!report_.failed) {
      const auto got = file.read(piece);
      if (!got) {
        fail(unreadable(report_.file, got.error()));
        break;
      }
      if (got.value() == 0) {
        take(reader_.end([this](const trace::row& row) { add(row); }));
        break;
      }
      take(reader_.feed({piece.data(), got.value()}, [this](const trace::row& row) { add(row); }));
      tell_progress(false);
    }
    finish();
  }

private:
  void take(const result<void>& read) {
    if (!read)
      fail({errc::invalid_argument, fmt::format("{} is no recording: {}", report_.file, reader_.refusal()),
            "docs/formats/traces.md lists the formats; --format says which one it is"});
  }

  void fail(control::failure why) {
    if (!report_.failed)
      report_.failed = std::move(why);
  }

  void add(const trace::row& row) {
    if (stopped_)
      return;
    if (teaches_ && row.kind != element_kind::block) {
      stopped_ = true;
      fail({errc::invalid_argument,
            fmt::format("{} has no requests to a disk, which a volume could learn", report_.file),
            "leave --volume out"});
      return;
    }
    if (batches_.full())
      send(false);
    report_.rows_other_volumes += batches_.add(row) ? 0 : 1;
  }

  void finish() {
    report_.rows = reader_.rows();
    report_.rows_broken = reader_.rows_broken();
    report_.rows_idle = reader_.rows_idle();
    report_.broken = reader_.problems();
    if (begun_ || !batches_.empty())
      send(true);
    if (begun_)
      report_.format = to_string(*reader_.what());
    else if (reader_.rows_broken() > 0)
      fail({errc::invalid_argument, fmt::format("{} has no sound row", report_.file), first_problem()});
    else
      fail({errc::invalid_argument, fmt::format("{} has nothing to import", report_.file), ""});
    report_.names = batches_.names();
    report_.seconds = seconds();
    tell_progress(true);
  }

  std::string first_problem() const {
    const auto& first = reader_.problems().front();
    return fmt::format("line {}: {}", first.line, first.why);
  }

  /// Waits while the node has no room; anything else that it refuses ends the import.
  void send(bool ends) {
    auto batch = batches_.take();
    if (stopped_)
      return;
    batch.run = report_.run;
    batch.ends = ends;
    auto pause = pause_min;
    const auto until = steady::now() + patience_max;
    while (true) {
      auto answer = node_.import_records(batch);
      if (const auto* done = std::get_if<0>(&answer)) {
        begun_ = true;
        report_.run = done->run;
        report_.records += done->records;
        report_.past_the_end += done->left_out;
        report_.learned = done->learns;
        return;
      }
      auto& why = std::get<1>(answer);
      if (why.code != errc::overloaded || steady::now() > until) {
        stopped_ = true;
        fail(std::move(why));
        return;
      }
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, pause_max);
    }
  }

  double seconds() const { return std::chrono::duration<double>(steady::now() - started_).count(); }

  void tell_progress(bool ended) {
    if (progress_ == nullptr || (ended && !told_) || (!ended && steady::now() - told_at_ < progress_every))
      return;
    told_ = true;
    told_at_ = steady::now();
    *progress_ << fmt::format("{}: {} rows, {:.0f} rows/s\n", printable(report_.file), reader_.rows(),
                              static_cast<double>(reader_.rows()) / seconds());
  }

  import_report& report_;
  control::client& node_;
  std::ostream* progress_;
  import_batches batches_;
  bool teaches_;
  trace::reader reader_;
  bool begun_ = false;   ///< The node took a batch.
  bool stopped_ = false; ///< It takes no more.
  steady::time_point started_ = steady::now();
  steady::time_point told_at_ = started_;
  bool told_ = false;
};

} // namespace

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (unsigned each = 0; each <= static_cast<unsigned>(trace::format_last); ++each)
    names.emplace_back(to_string(static_cast<trace::format>(each)));
  return names;
}

std::optional<trace::format> format_named(std::string_view name) {
  const auto names = format_names();
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end())
    return std::nullopt;
  return static_cast<trace::format>(at - names.begin());
}

std::string columns_problem(const std::string& text) {
  return trace::parse_columns(text)
             ? ""
             : "names no columns; write time=1:us,volume=2,op=3,offset=4:sectors,length=5 "
               "or time=1:s,key=2,size=3";
}

bool says_ordinal(std::string_view name) {
  constexpr std::string_view word = "_ord";
  for (auto at = name.find(word); at != std::string_view::npos; at = name.find(word, at + 1)) {
    const auto behind = name.substr(at + word.size());
    if (behind.empty() || behind.front() == '_' || behind.front() == '-' || behind.front() == '.')
      return true;
  }
  return false;
}

std::string recording_name(const std::string& path) {
  if (path == "-")
    return "stdin";
  auto name = path.substr(path.find_last_of('/') + 1);
  name = name.substr(0, name.find('.', 1));
  return is_label(name) ? name.substr(0, 200) : "recording";
}

import_report import_file(const std::string& path, const import_order& order, control::client& node,
                          std::ostream* progress) {
  import_report report;
  report.file = path == "-" ? "standard input" : path;
  auto settled = order;
  settled.labels.recording = recording_name(path);
  report.ordinal = order.ordinal || says_ordinal(settled.labels.recording);
  auto file = replay::packed_file::open(path);
  if (!file) {
    report.failed = unreadable(path, file.error());
    return report;
  }
  importer(settled, report, node, progress).run(file.value());
  return report;
}

} // namespace forerun::cli
