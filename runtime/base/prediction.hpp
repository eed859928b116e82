#pragma once
#include "runtime/base/extent.hpp"
#include "runtime/base/time.hpp"
#include <cstdint>

namespace forerun {

/// Which model spoke. `none` is demand: nobody predicted it.
enum class expert : std::uint8_t {
  none = 0,
  history = 1,         ///< Earlier runs of the same program, replayed ahead of this one.
  stream = 2,          ///< Sequential or strided streams.
  association = 3,     ///< What followed this the last times (replay of the request log).
  neighbourhood = 4,   ///< What lies around a read, weighed by what that was worth before.
  hint = 5,            ///< The client asked for it (NBD CACHE).
  static_analysis = 6, ///< What an image's own files say of it.
};

/// Seed 002's tiers of prefetch, in order of priority.
enum class prefetch_tier : std::uint8_t { critical = 0, predictive = 1, background = 2 };

/// "These blocks will be read, about then." The one prediction type of the system.
struct prediction {
  extent where{};
  float probability = 0; ///< Calibrated: of the blocks predicted at 0.8, eight in ten are read.
  instant expected{};    ///< When the read is expected to arrive.
  expert by = expert::none;
  std::uint32_t detail = 0; ///< The expert's own word for `why`, e.g. the group of runs it follows.
};

/// Why a block was moved. Kept from the plan until the block is read or counted as waste.
struct reason {
  expert by = expert::none;
  prefetch_tier tier = prefetch_tier::predictive;
  float probability = 0;
  std::uint32_t detail = 0;
  instant planned{};
  instant deadline{}; ///< When the read was expected.
  bool operator==(const reason&) const = default;
};

/// What the prefetcher decided: fetch this, for that reason. The one plan type of the system.
struct plan {
  extent where{};
  reason why{};
  bool operator==(const plan&) const = default;
};

} // namespace forerun
