#pragma once
#include "runtime/provenance/durations.hpp"
#include "runtime/provenance/origin.hpp"
#include "runtime/provenance/query.hpp"
#include <vector>

/// What is used most, how often programs come back, what follows what, and how much is in use at a time. Each
/// question reads the records that its filter wants once, in order, in memory that does not grow with them;
/// where that makes figures inexact or leaves something out, the answer says by how much. `sum_question`
/// (log_view.hpp) is about sums, which are kept ready. Any thread.
namespace forerun::provenance {

/// How far a question came.
struct survey {
  scan_result scanned;
  /// Matches that are not, or not wholly, in the rows: of too many elements, or of more programs or intervals
  /// than the answer has room for.
  std::uint64_t left_out = 0;
  /// All that was wanted is in the figures.
  bool complete() const { return scanned.complete && scanned.damaged == 0 && left_out == 0; }
};

/// Of one record so many elements count, its first ones.
inline constexpr std::uint64_t record_elements_max = 65536;
/// A question that has counted so many elements, each as often as it was touched, stops there.
inline constexpr std::uint64_t counted_elements_max = std::uint64_t{1} << 26;
/// Of Space-Saving; the most take 5 to 10 MiB.
inline constexpr std::size_t counters_min = 4;
inline constexpr std::size_t counters_max = 65536;

// ---- The elements that are used most

enum class measure : std::uint8_t { records, bytes, latency };
inline constexpr auto measure_last = measure::latency;

struct top_question {
  filter wanted; ///< Its `records_max` does not count, as in all that follow.
  measure by = measure::records;
  std::size_t rows_max = 100;
  std::size_t counters = counters_max; ///< `counters_min` to `counters_max`.
};
struct top_row {
  element of;
  std::uint64_t amount = 0; ///< Records, bytes or microseconds; never too few.
  std::uint64_t over = 0;   ///< By so much it may be too many.
  bool operator==(const top_row&) const = default;
};
struct top_answer {
  std::vector<top_row> rows; ///< The most first.
  /// No element that has no counter has more. 0: all amounts are exact.
  std::uint64_t others_max = 0;
  std::uint64_t total = 0; ///< Of all elements.
  survey seen;
};
/// By Space-Saving (space_saving.hpp). Bytes and time of a record are shared out equally among its elements.
/// Errors: as `scan`, and `invalid_argument`.
result<top_answer> top(const record_source& from, const top_question& about);

// ---- The time between accesses

/// What is not told apart is empty in the rows.
struct grouping {
  bool by_vm = false;
  bool by_program = true;
  bool by_user = false;
};
inline constexpr std::size_t programs_max = 1024; ///< Programs and the like; others are left out.

struct arrival_question {
  filter wanted;
  grouping by;
};
struct arrival_row {
  agent who; ///< No node.
  std::uint64_t records = 0;
  std::uint64_t backward = 0; ///< Records whose time lies before that of the one before: no gap is known.
  duration_summary gaps;      ///< From one record to the next in the log.
  bool operator==(const arrival_row&) const = default;
};
struct arrival_answer {
  std::vector<arrival_row> rows; ///< The most records first.
  survey seen;
};
/// Errors: as `scan`.
result<arrival_answer> arrivals(const record_source& from, const arrival_question& about);

// ---- What follows what

inline constexpr std::size_t sequence_max = 3;

struct sequence_question {
  filter wanted;
  grouping by;
  std::size_t length = 2; ///< Of a sequence: 2 or 3.
  std::size_t rows_max = 100;
  std::size_t counters = counters_max; ///< `counters_min` to `counters_max`.
};
struct sequence_row {
  agent who; ///< No node.
  element_kind kind = element_kind::block;
  std::uint32_t space = 0;
  std::vector<std::uint64_t> elements; ///< In order; of a record with several, the first.
  std::uint64_t count = 0;             ///< Never too few.
  std::uint64_t over = 0;              ///< By so much it may be too many.
  bool operator==(const sequence_row&) const = default;
};
struct sequence_answer {
  std::vector<sequence_row> rows; ///< The most frequent first.
  std::uint64_t others_max = 0;   ///< No sequence that has no counter came more often. 0: counts are exact.
  std::uint64_t total = 0;        ///< Of all sequences.
  std::uint64_t broken = 0; ///< Runs that were forgotten for others, before their end or after; if they went
                            ///< on, their sequences began anew.
  survey seen;
};
/// Elements that one run touched in one space, each followed by the next in the log, counted by Space-Saving.
/// At most 4096 runs and spaces are followed at a time. Errors: as `scan`, and `invalid_argument`.
result<sequence_answer> sequences(const record_source& from, const sequence_question& about);

// ---- How much is in use at a time

inline constexpr std::size_t intervals_max = 4096; ///< Of an answer, of 4 KiB each; others are left out.

struct working_set_question {
  filter wanted;
  nanos every = std::chrono::hours{1}; ///< Length of an interval, more than 0. They begin at multiples of it.
};
struct working_set_row {
  wall_time from{};
  std::uint64_t elements = 0; ///< Different ones, estimated: `distinct_sketch::standard_error`.
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  bool operator==(const working_set_row&) const = default;
};
struct working_set_answer {
  std::vector<working_set_row> rows; ///< In order of time; only intervals with records.
  std::uint64_t elements = 0;        ///< Different ones in all of them, estimated likewise.
  survey seen;
};
/// By HyperLogLog (distinct.hpp). Errors: as `scan`, and `invalid_argument`.
result<working_set_answer> working_set(const record_source& from, const working_set_question& about);

} // namespace forerun::provenance
