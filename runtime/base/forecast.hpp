#pragma once
#include "runtime/base/ids.hpp"
#include "runtime/base/prediction.hpp"
#include <vector>

namespace forerun {

/// What a running run is expected to read from now on, as one list that replaces the run's earlier one.
struct forecast {
  run_id run{};
  /// In the order in which the blocks should be fetched; no block twice. Times are non-binding: the order is
  /// what was learned best.
  std::vector<prediction> ranked;
  /// The run turned out to follow another group of earlier runs than was thought: be careful at first.
  bool switched = false;
};

} // namespace forerun
