#pragma once
#include "apps/cli/replay_study.hpp"
#include <array>

namespace forerun::cli {

inline constexpr std::size_t heat_regions = 48;

/// What a report shows.
struct replay_outcome {
  std::string name; ///< Of the trace.
  const replay_trace* trace = nullptr;
  study::far_side origin;
  std::uint64_t footprint = 0;    ///< Elements.
  std::size_t capacity = 0;       ///< Elements.
  std::vector<study_job> jobs;    ///< At that capacity.
  std::vector<study_job> sizes;   ///< At other capacities, for the report only.
  std::vector<std::string> words; ///< The answer, in three lines.
  /// Touches of each region of the footprint in each period; empty without a report.
  std::vector<std::array<std::uint32_t, heat_regions>> heat;
};

/// The job of that policy, or null.
const study_job* find_job(const std::vector<study_job>& jobs, std::string_view policy);

/// "What would forerun save me, with how much memory and bandwidth?", in three lines.
std::vector<std::string> answer_in_words(const replay_outcome& of);
void print_table(const replay_outcome& of, std::ostream& out);
std::string to_json(const replay_outcome& of);

/// Counts the touches of `heat`. Errors: `io_failed`.
result<void> measure_heat(replay_outcome& of, const std::vector<std::uint64_t>& regions);
/// One page that needs nothing else: tables and drawings, without scripts.
std::string to_html(const replay_outcome& of);

} // namespace forerun::cli
