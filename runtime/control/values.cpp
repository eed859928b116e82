#include "runtime/control/values.hpp"

namespace forerun::control {

std::string_view to_string(block_place place) {
  switch (place) {
  case block_place::absent:
    return "absent";
  case block_place::in_flight:
    return "in flight";
  case block_place::memory:
    return "memory";
  case block_place::disk:
    return "disk";
  case block_place::overlay:
    return "overlay";
  case block_place::zero:
    return "zero";
  }
  return "unknown";
}

std::string_view to_string(settlement settled) {
  switch (settled) {
  case settlement::never_prefetched:
    return "never prefetched";
  case settlement::pending:
    return "pending";
  case settlement::hit:
    return "hit";
  case settlement::late:
    return "late";
  case settlement::evicted:
    return "evicted";
  case settlement::overwritten:
    return "overwritten";
  case settlement::overdue:
    return "overdue";
  case settlement::failed:
    return "failed";
  }
  return "unknown";
}

std::string_view to_string(expert by) {
  switch (by) {
  case expert::none:
    return "demand";
  case expert::history:
    return "history";
  case expert::stream:
    return "stream";
  case expert::association:
    return "association";
  case expert::neighbourhood:
    return "neighbourhood";
  case expert::hint:
    return "hint";
  case expert::static_analysis:
    return "static-analysis";
  }
  return "unknown";
}

std::string_view to_string(prefetch_tier tier) {
  switch (tier) {
  case prefetch_tier::critical:
    return "critical";
  case prefetch_tier::predictive:
    return "predictive";
  case prefetch_tier::background:
    return "background";
  }
  return "unknown";
}

} // namespace forerun::control
