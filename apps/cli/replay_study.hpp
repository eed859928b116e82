#pragma once
#include "apps/cli/replay_trace.hpp"
#include "runtime/predict/mix_budget.hpp"
#include "runtime/study/figures.hpp"
#include <string>
#include <vector>

namespace forerun::cli {

/// The policies that can be compared, in the order of the table. Prefetchers run on S3-FIFO, except
/// "perfect".
const std::vector<std::string>& study_policies();
/// It knows the future, so `next_uses` must be there.
bool is_limit(std::string_view policy);

/// One policy with one size of cache.
struct study_job {
  std::string policy;
  std::size_t capacity = 1;
  study::figures seen;         ///< When it is done, as are the next three.
  double seconds = 0;          ///< That the simulation took.
  nanos predicting{0};         ///< Of that, in the prefetcher alone, without the cache; 0 if there is none.
  std::size_t model_bytes = 0; ///< What forerun learned; 0 for other policies.
};

struct study_plan {
  const replay_trace* trace = nullptr;
  std::vector<const replay_trace*> train; ///< Earlier runs, for ours.
  study::far_side origin;
  std::uint64_t named = study::all_named; ///< See `machine_setup`; the limits know all names.
  float traffic_max = predict::mix_budget_limits{}.traffic_max; ///< For ours.
};

/// Plays all jobs, several at once, each from the temporary file on its own; tells how far they are on
/// `progress` unless that is null. Errors: `io_failed`.
result<void> run_study(const study_plan& plan, std::vector<study_job>& jobs, std::ostream* progress);

} // namespace forerun::cli
