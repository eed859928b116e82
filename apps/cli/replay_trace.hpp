#pragma once
#include "apps/cli/replay_spool.hpp"
#include "runtime/control/client.hpp"
#include "runtime/study/machine.hpp"
#include "runtime/trace/reader.hpp"
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <optional>
#include <ostream>

namespace forerun::cli {

struct replay_reading {
  trace::reader_options how;
  bool reads_only = false;
};

/// One trace as numbers in a temporary file: its memory is bounded by what it touches, not by its length.
struct replay_trace {
  std::optional<spool<study::request>> requests;
  std::optional<spool<std::uint32_t>> next_uses; ///< For each touch, how many requests later; 0: never.
  bool timed = true;
  bool keys = false; ///< Elements are keys, whose sizes are not known.
  std::uint64_t touches = 0;
  std::uint64_t rows = 0, rows_broken = 0;
  std::uint64_t rows_other = 0;    ///< Sound, but no reads (or writes) of data.
  std::uint64_t rows_back = 0;     ///< Their time is before that of the row before; taken as the same.
  std::vector<std::string> broken; ///< The first of them, each with its file and line.
};

/// Reads files into traces of one space of elements: volumes and keys have the same numbers in all of them.
class replay_loader {
public:
  replay_loader(replay_reading how, std::ostream* progress) : how_(how), progress_(progress) {}

  /// All of the files, one behind the other, as one trace. Nothing if that failed; `failed` says why.
  std::optional<replay_trace> load(const std::vector<std::string>& files, bool counts_footprint);
  /// Fills `next_uses`, from the end of the trace to its beginning.
  result<void> look_ahead(replay_trace& of) const;

  std::uint64_t footprint() const { return footprint_.size(); }
  /// Keys of the files so far have numbers below this one.
  std::uint64_t keys_end() { return keys_.empty() ? 0 : volume_base({}) + keys_.size(); }
  /// So many elements of the footprint, evenly spread over it, in order: where regions begin.
  std::vector<std::uint64_t> regions(std::size_t count) const;
  const control::failure& failed() const { return failed_; }

private:
  bool read(const std::string& file, replay_trace& into);
  void add(const trace::row& row, replay_trace& into);
  std::uint64_t volume_base(std::string_view name);
  void fail(errc code, std::string what, std::string remedy);

  replay_reading how_;
  std::ostream* progress_;
  bool counts_ = true;
  std::int64_t last_ns_ = -1;
  std::int64_t gaps_left_ = 0; ///< Time that a trace may still take; several hostile files are no overflow.
  bool full_ = false;          ///< The temporary file.
  absl::flat_hash_map<std::string, std::uint32_t> volumes_;
  std::string last_volume_;     ///< Mostly the next row's, too.
  std::uint64_t last_base_ = 0; ///< Where its blocks begin.
  absl::flat_hash_map<std::uint64_t, std::uint64_t> keys_;
  absl::flat_hash_set<std::uint64_t> footprint_;
  control::failure failed_{};
};

} // namespace forerun::cli
