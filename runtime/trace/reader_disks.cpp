#include "runtime/base/names.hpp"
#include "runtime/base/text.hpp"
#include "runtime/trace/reader.hpp"
#include "runtime/trace/text.hpp"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

// Formats of other tools; docs/formats/traces.md has them for people.

namespace forerun::trace {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr double times_max = 9e9; ///< Seconds: nanoseconds then have room in 63 bits.
constexpr std::uint64_t sector_bytes = 512;
constexpr std::int64_t fio_unit_ns = 1000; ///< Microseconds since the job began.
/// From 1601 to 1970, in units of 100 ns.
constexpr std::uint64_t windows_epoch = 116'444'736'000'000'000;

/// The words of a line, by spaces and tabs; at most `cells_max`.
void words_of(std::string_view line, std::vector<std::string_view>& words) {
  words.clear();
  while (words.size() < cells_max) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos)
      return;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

/// A whole number of units, or decimal seconds.
bool time_of(std::string_view text, std::int64_t unit_ns, std::int64_t& ns) {
  if (unit_ns == second_ns) {
    double value = 0;
    if (!number(text, times_max, value) || !(value >= 0))
      return false;
    ns = std::llround(value * static_cast<double>(second_ns));
    return true;
  }
  std::uint64_t value = 0;
  if (!number(text, ~std::uint64_t{0}, value))
    return false;
  if (unit_ns == 100 && value > windows_epoch)
    value -= windows_epoch;
  if (value > static_cast<std::uint64_t>(INT64_MAX / 4 / unit_ns))
    return false;
  ns = static_cast<std::int64_t>(value) * unit_ns;
  return true;
}

/// "8,0": a device as blkparse prints it.
bool is_device(std::string_view text) {
  const auto comma = text.find(',');
  unsigned ignored = 0;
  return comma != std::string_view::npos && number(text.substr(0, comma), 1u << 20, ignored) &&
         number(text.substr(comma + 1), 1u << 20, ignored);
}

/// "R", "w", "Read", "WRITE", or the number of a SCSI command.
std::optional<operation> disk_operation(std::string_view text) {
  unsigned command = 0;
  if (number(text, 255u, command)) {
    for (const auto read : {0x08u, 0x28u, 0x88u, 0xa8u})
      if (command == read)
        return operation::read;
    for (const auto write : {0x0au, 0x2au, 0x8au, 0xaau})
      if (command == write)
        return operation::write;
    return std::nullopt;
  }
  switch (text.empty() ? ' ' : text.front() | 0x20) {
  case 'r':
  case 'g': // get
    return operation::read;
  case 'w':
  case 's': // set
    return operation::write;
  case 'd':
  case 't': // trim
    return operation::remove;
  default:
    return std::nullopt;
  }
}

} // namespace

/// True if the line shows of which of these formats it is, whether by names or as a first row.
bool reader::take_shape(std::string_view line) {
  header_ = false;
  const auto is = [this](format what) {
    if (format_.value_or(what) != what)
      refusal_ = fmt::format("it looks like {}", to_string(what));
    format_ = what;
    map_ = map_of(what);
    return true;
  };
  if (options_.columns) {
    // A first line whose number is none has names.
    const auto place = map_.offset ? *map_.offset : map_.time.value_or(cells_max);
    double ignored = 0;
    header_ = place < cells_.size() && !number(trimmed(cells_[place], " "), 1e300, ignored);
    return true;
  }
  if (line.starts_with("fio version ") && line.ends_with(" iolog")) {
    header_ = true;
    fio_version_ = line[12] == '2' ? 2 : 3;
    return is(format::fio);
  }
  const auto named = [this](std::initializer_list<std::string_view> names) {
    return std::all_of(names.begin(), names.end(), [this](std::string_view name) {
      return std::find(cells_.begin(), cells_.end(), name) != cells_.end();
    });
  };
  if (named({"Timestamp", "Hostname", "DiskNumber", "ResponseTime"})) {
    header_ = true;
    return is(format::msr);
  }
  if (named({"sn", "len", "cmd", "lbn", "ts"})) {
    header_ = true;
    is(format::vscsi);
    const auto place = [this](std::string_view name) {
      return static_cast<std::size_t>(std::find(cells_.begin(), cells_.end(), name) - cells_.begin());
    };
    map_.time = place("ts");
    map_.op = place("cmd");
    map_.offset = place("lbn");
    map_.length = place("len");
    return true;
  }
  if (named({"obj_id", "obj_size"})) {
    header_ = true;
    return is(format::libcachesim);
  }
  if (format_)
    return *format_ >= format::blkparse; // Its rows begin at once.
  double ignored = 0;
  if (cells_.size() == 7 && cells_[0].size() >= 17 && number(cells_[0], 1e300, ignored) &&
      disk_operation(cells_[3]) && number(cells_[4], 1e300, ignored))
    return is(format::msr);
  if (cells_.size() == 5 && cells_[3].size() == 1 && number(cells_[0], 1e300, ignored) &&
      number(cells_[1], 1e300, ignored) && number(cells_[2], 1e300, ignored) &&
      number(cells_[4], 1e300, ignored) && disk_operation(cells_[3]))
    return is(format::spc);
  std::vector<std::string_view> words;
  words_of(line, words);
  return words.size() >= 7 && is_device(words[0]) && is(format::blkparse);
}

/// Offset and length of a request, both within the limits.
std::string reader::disk_place(std::string_view offset, std::uint64_t offset_unit, std::string_view length,
                               std::uint64_t length_unit, row& into) const {
  if (!number(offset, options_.limits.offset_bytes_max / offset_unit, into.offset))
    return "no offset, or past the limit: " + quoted(offset);
  into.offset *= offset_unit;
  std::uint64_t bytes = 0;
  if (!number(length, options_.limits.length_bytes_max / length_unit, bytes) || bytes == 0)
    return "no length, or past the limit: " + quoted(length);
  into.bytes = static_cast<std::uint32_t>(bytes * length_unit);
  return {};
}

std::string reader::parse_mapped(sink to) {
  row made;
  const auto at = [this](const std::optional<std::size_t>& place) {
    return place && *place < cells_.size() ? trimmed(cells_[*place], " ") : std::string_view{};
  };
  made.timed = map_.time && !options_.ordinal;
  if (!made.timed)
    made.at_ns = static_cast<std::int64_t>(rows_);
  else if (!time_of(at(map_.time), map_.time_unit_ns, made.at_ns))
    return "no time: " + quoted(at(map_.time));
  if (map_.op) {
    const auto op = disk_operation(at(map_.op));
    if (!op)
      return "no such operation: " + quoted(at(map_.op));
    made.op = *op;
  }
  if (map_.latency) {
    std::int64_t took = 0;
    if (time_of(at(map_.latency), map_.time_unit_ns, took))
      made.latency = nanos{took};
  }
  if (map_.key) {
    made.kind = element_kind::key;
    if (auto why = name(at(map_.key), made.name); !why.empty() || made.name.empty())
      return why.empty() ? "no key" : why;
    if (auto why = size(at(map_.length), made.bytes); !why.empty())
      return why;
    to(made);
    return {};
  }
  if (!map_.disk())
    return "no columns are given";
  if (auto why = disk_place(at(map_.offset), map_.offset_unit, at(map_.length), map_.length_unit, made);
      !why.empty())
    return why;
  std::string both;
  auto disk = map_.volume ? at(map_.volume) : std::string_view{"disk"};
  if (map_.volume_part) {
    both = fmt::format("{}_{}", disk, at(map_.volume_part));
    disk = both;
  }
  if (auto why = label(disk, made.volume); !why.empty() || made.volume.empty())
    return "no name of a volume: " + quoted(disk);
  to(made);
  return {};
}

/// "8,0 3 1 0.000000000 697 Q W 223490 + 8 [kjournald]": device, CPU, number, seconds, process, action, what,
/// sector + sectors. Only Q, the request as it was made, counts: the other actions are the same request
/// later.
std::string reader::parse_blkparse(std::string_view line, sink to) {
  words_of(line, cells_);
  // The sums behind the last event.
  summary_ = summary_ || (!cells_.empty() && (cells_[0] == "CPU0" || cells_[0] == "Total" ||
                                              (cells_[0] == "CPU" && cells_.size() > 1)));
  if (summary_ || cells_.empty()) {
    ++rows_idle_;
    return {};
  }
  if (cells_.size() < 6 || !is_device(cells_[0]))
    return "no event of blkparse: " + quoted(line);
  const auto what = cells_.size() > 6 ? cells_[6] : std::string_view{};
  const bool moves = what.find_first_of("RWD") != std::string_view::npos;
  if (cells_[5] != "Q" || !moves || cells_.size() < 10 || cells_[8] != "+") {
    ++rows_idle_;
    return {};
  }
  row made;
  made.timed = !options_.ordinal;
  if (!made.timed)
    made.at_ns = static_cast<std::int64_t>(rows_);
  else if (!time_of(cells_[3], second_ns, made.at_ns))
    return "no time: " + quoted(cells_[3]);
  made.op = what.find('D') != std::string_view::npos   ? operation::remove
            : what.find('W') != std::string_view::npos ? operation::write
                                                       : operation::read;
  if (cells_[9] == "0") {
    ++rows_idle_;
    return {};
  }
  if (auto why = disk_place(cells_[7], sector_bytes, cells_[9], sector_bytes, made); !why.empty())
    return why;
  made.volume = cells_[0];
  to(made);
  return {};
}

/// Version 2: "file action [offset length]". Version 3 has a time before it.
std::string reader::parse_fio(std::string_view line, sink to) {
  words_of(line, cells_);
  row made;
  made.timed = fio_version_ == 3 && !options_.ordinal;
  made.at_ns = static_cast<std::int64_t>(rows_);
  std::size_t first = 0;
  if (fio_version_ == 3) {
    first = 1;
    if (cells_.empty() || (made.timed && !time_of(cells_[0], fio_unit_ns, made.at_ns)))
      return "no time: " + quoted(line);
  }
  if (cells_.size() < first + 2)
    return "no action of fio: " + quoted(line);
  const auto action = cells_[first + 1];
  if (action != "read" && action != "write" && action != "trim") {
    if (action != "add" && action != "open" && action != "close" && action != "wait" && action != "sync" &&
        action != "datasync")
      return "no such action: " + quoted(action);
    ++rows_idle_;
    return {};
  }
  if (cells_.size() < first + 4)
    return "no offset and length: " + quoted(line);
  made.op = *disk_operation(action);
  if (auto why = disk_place(cells_[first + 2], 1, cells_[first + 3], 1, made); !why.empty())
    return why;
  if (auto why = label(cells_[first], made.volume); !why.empty())
    return why;
  to(made);
  return {};
}

} // namespace forerun::trace
