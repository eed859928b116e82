#pragma once
#include "runtime/base/result.hpp"
#include "runtime/trace/column_map.hpp"
#include "runtime/trace/row.hpp"
#include <absl/functional/function_ref.h>
#include <array>
#include <optional>
#include <string>
#include <vector>

namespace forerun::trace {

struct reader_limits {
  std::size_t line_bytes_max = 256u << 10;    ///< A longer line is broken.
  std::size_t name_bytes_max = 4096;          ///< Of an element.
  std::size_t label_bytes_max = 200;          ///< Of a volume, program or user.
  std::uint32_t length_bytes_max = 32u << 20; ///< Of a request to a disk; NBD's usual limit.
  std::uint64_t offset_bytes_max = std::uint64_t{1} << 50;
  std::size_t problems_max = 8; ///< So many broken lines are described; all are counted.
};

struct reader_options {
  std::optional<format> as; ///< None: the first line tells.
  /// Then `as` means nothing, and a first line of names is passed over.
  std::optional<column_map> columns = {};
  bool ordinal = false; ///< There are no recorded times, only the numbers of the requests.
  reader_limits limits = {};
};

/// A line that is no row, and why not.
struct problem {
  std::uint64_t line = 0; ///< From 1.
  std::string why;
};

/// Reads a recording of any format piece by piece, in memory of one line. What is broken is left out, counted
/// and, the first of it, described; only a text whose first line is of no known format is refused. A value;
/// one thread.
class reader {
public:
  using sink = absl::FunctionRef<void(const row&)>;

  explicit reader(reader_options options = {});

  /// The next piece of the text; pieces may end anywhere. Errors: `invalid_argument`: this is no trace, and
  /// `refusal` says why.
  result<void> feed(std::string_view piece, sink to);
  /// The text has ended. Errors: as `feed`.
  result<void> end(sink to);

  std::optional<format> what() const { return format_; } ///< None before the first line.
  std::uint64_t lines() const { return lines_; }
  std::uint64_t rows() const { return rows_; } ///< Sound ones.
  std::uint64_t rows_broken() const { return rows_broken_; }
  std::uint64_t rows_idle() const { return rows_idle_; } ///< Sound, and touch nothing: a flush, no resource.
  const std::vector<problem>& problems() const { return problems_; }
  const std::string& refusal() const { return refusal_; }

private:
  result<void> take(std::string_view line, sink to);
  result<bool> take_header(std::string_view line);
  std::string parse(std::string_view line, sink to);
  std::string parse_block(sink to);
  std::string parse_kv(sink to);
  std::string parse_event(sink to);
  std::string parse_query(std::string_view line, sink to);
  std::string parse_request(sink to);
  std::string parse_pod(sink to);
  std::string parse_mapped(sink to);
  std::string parse_blkparse(std::string_view line, sink to);
  std::string parse_fio(std::string_view line, sink to);
  bool take_shape(std::string_view line);
  std::string disk_place(std::string_view offset, std::uint64_t offset_unit, std::string_view length,
                         std::uint64_t length_unit, row& into) const;
  void broken(std::string why);

  std::string_view cell(std::size_t which) const { return cells_[columns_[which]]; }
  std::string time(std::string_view text, std::int64_t unit_ns, row& into) const;
  std::string name(std::string_view text, std::string_view& into) const;
  std::string label(std::string_view text, std::string_view& into) const;
  static std::string size(std::string_view text, std::uint32_t& into);

  reader_options options_;
  std::optional<format> format_;
  bool begun_ = false;       ///< A line that is not empty was met.
  column_map map_;           ///< Of `msr`, `spc`, `vscsi`, `libcachesim` and `columns`.
  unsigned fio_version_ = 3; ///< As the first line says.
  bool header_ = false;      ///< The first line was names, no row.
  bool summary_ = false;     ///< blkparse's sums have begun.
  std::array<std::size_t, 9> columns_{};
  std::size_t columns_least_ = 0; ///< A row has at least so many.
  std::string rest_;              ///< Of a line whose end is in the next piece; at most `line_bytes_max`.
  bool too_long_ = false;         ///< The line that is read now.
  std::vector<std::string_view> cells_;
  std::string unpacked_;
  std::array<std::string, 4> fields_; ///< Of a JSON line.
  std::uint64_t lines_ = 0, rows_ = 0, rows_broken_ = 0, rows_idle_ = 0;
  std::vector<problem> problems_;
  std::string refusal_;
};

} // namespace forerun::trace
