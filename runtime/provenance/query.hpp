#pragma once
#include "runtime/provenance/decoder.hpp"
#include "runtime/provenance/segment.hpp"
#include <functional>
#include <limits>

namespace forerun::provenance {

/// Which records are wanted. What is not set does not restrict.
struct filter {
  std::uint64_t position_from = 0;
  std::uint64_t position_to = std::numeric_limits<std::uint64_t>::max(); ///< Exclusive.
  wall_time from{std::numeric_limits<std::int64_t>::min()};
  wall_time to{std::numeric_limits<std::int64_t>::max()}; ///< Inclusive.
  std::optional<element_kind> kind;
  std::optional<std::uint32_t> space;
  std::uint64_t element_first = 0;
  std::uint64_t element_last = std::numeric_limits<std::uint64_t>::max(); ///< Inclusive; any overlap counts.
  std::optional<run_id> run;
  std::optional<std::string> vm;
  std::optional<std::string> program;
  std::optional<std::string> user;
  std::uint32_t operations = ~std::uint32_t{0}; ///< Bit of each wanted operation.
  std::size_t records_max = 65536;              ///< Matches after which the scan stops.
  /// So many records are looked at, matches or not, before the scan stops behind a block.
  std::uint64_t examined_max = std::numeric_limits<std::uint64_t>::max();

  bool wants(const block_header& header) const;
  bool wants(const context& who) const;
  bool wants(const record& what) const;
};

/// Restricts `wanted` to one element.
filter of_element(element_kind kind, std::uint32_t space, std::uint64_t element, filter wanted = {});

/// The same with no bound on matches.
filter all_matches(filter wanted);

/// A record with the context that it has.
struct entry {
  context who;
  record what;
  bool operator==(const entry&) const = default;
};

/// Called for each match, in order of position; false stops the scan.
using visitor = std::function<bool(const context&, const record&)>;

struct scan_result {
  std::uint64_t matched = 0;
  std::uint64_t next_position = 0; ///< To go on from in a next scan.
  std::uint64_t damaged = 0; ///< Places that were skipped because they do not hold; `verify` names the first.
  std::uint64_t examined = 0; ///< Records that were looked at. What the indexes rule out is not.
  bool complete = true;       ///< False: stopped by the visitor, by `records_max` or by `examined_max`.
};

/// Records that can be asked for: a log as it was at one moment, or what a test makes up. Any thread.
class record_source {
public:
  virtual ~record_source() = default;
  /// Passes the matches in order of position. Errors: `io_failed`, `cancelled`.
  virtual result<scan_result> scan(const filter& wanted, const visitor& visit) const = 0;
  /// The newest matches, oldest first, at most `max`; `records_max` does not count. Errors: as `scan`.
  virtual result<std::vector<entry>> last(const filter& wanted, std::size_t max) const = 0;
};

/// Takes a scan from block to block.
class scanner {
public:
  scanner(const filter& wanted, const visitor& visit, still_wanted go_on = {})
      : wanted_(wanted), visit_(visit), go_on_(std::move(go_on)) {}

  /// False when the scan is over. A block that does not decode is counted as damaged. Errors: `cancelled`.
  result<bool> block(const block_header& header, std::span<const std::byte> payload);
  /// All blocks of a segment. Damaged places are skipped and counted. Errors: `io_failed`, `cancelled`.
  result<bool> segment(segment_reader& reader);

  scan_result& so_far() { return result_; }

private:
  const filter& wanted_;
  const visitor& visit_;
  still_wanted go_on_;
  scan_result result_;
  decoded_block decoded_;
};

} // namespace forerun::provenance
