#pragma once
#include "apps/cli/import_batches.hpp"
#include "runtime/control/client.hpp"
#include "runtime/trace/reader.hpp"
#include <optional>
#include <ostream>

namespace forerun::cli {

struct import_order {
  import_labels labels;
  std::optional<trace::format> as;               ///< None: the first line tells.
  std::optional<trace::column_map> columns = {}; ///< Instead of any format.
  bool ordinal = false;                          ///< Also when the file's name says so.
};

/// What became of a recording.
struct import_report {
  std::string file;
  std::string format; ///< Empty: nothing of it was imported.
  bool ordinal = false;
  std::uint64_t rows = 0; ///< Sound ones; the next is not among them, the three behind it are.
  std::uint64_t rows_broken = 0;
  std::uint64_t rows_idle = 0;          ///< They touch nothing.
  std::uint64_t rows_other_volumes = 0; ///< Left out, as is the next.
  std::uint64_t past_the_end = 0;       ///< Of the volume.
  std::uint64_t records = 0;
  std::uint64_t names = 0; ///< Of the records, those that tell a name.
  std::uint64_t run = 0;
  bool learned = false;
  double seconds = 0;
  std::vector<trace::problem> broken;     ///< The first of them.
  std::optional<control::failure> failed; ///< It ended early, and why.
};

/// Reads a file, or standard input for "-", and hands it to the node. Waits while the node is overloaded.
/// What was read before something failed is imported. Tells how far it is on `progress`, unless that is null.
import_report import_file(const std::string& path, const import_order& order, control::client& node,
                          std::ostream* progress);

/// The file's name, without folder and endings: "/a/oltp_ord.csv.gz" is "oltp_ord".
std::string recording_name(const std::string& path);

/// All formats, as --format takes them.
std::vector<std::string> format_names();
/// None for any other text, an empty one for one.
std::optional<trace::format> format_named(std::string_view name);

/// Empty if it says where the columns are; else what is wrong, for a command line.
std::string columns_problem(const std::string& text);

/// "_ord" as a word of the name: no times were recorded.
bool says_ordinal(std::string_view name);

} // namespace forerun::cli
