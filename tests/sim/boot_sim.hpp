#pragma once
#include "runtime/predict/history.hpp"
#include "runtime/predict/mix.hpp"
#include "runtime/prefetch/scheduler.hpp"
#include "tests/sim/boot_trace.hpp"
#include <string_view>

namespace forerun::boot_sim {

/// An origin of fixed delay, with one link that sends answers in the order in which the requests arrived.
struct far_origin {
  nanos delay = std::chrono::milliseconds{10};
  double bits_per_second = 1e9;
};

/// What one boot cost. Software is free in this simulation, except where a figure is named `cpu`.
struct boot_result {
  nanos wall{0};
  nanos think{0};
  std::uint64_t moved_blocks = 0;
  std::uint64_t distinct_blocks = 0;
  std::uint64_t prefetched_blocks = 0;
  std::uint64_t hit_blocks = 0;  ///< Prefetched, and here at their first read.
  std::uint64_t late_blocks = 0; ///< Prefetched, and in flight then.
  std::uint64_t miss_blocks = 0;
  std::uint64_t requests = 0; ///< Sent to the origin.
  std::size_t rankings = 0;
  nanos rank_cpu_max{0};
  nanos observe_cpu{0}; ///< Per read.
  nanos learn_cpu{0};

  double wait() const { return std::chrono::duration<double>(wall - think).count(); }
  double traffic() const { return ratio(moved_blocks, distinct_blocks); }
  double accuracy() const { return ratio(hit_blocks + late_blocks, prefetched_blocks); }
  double coverage() const { return ratio(hit_blocks + late_blocks, hit_blocks + late_blocks + miss_blocks); }

private:
  static double ratio(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 1 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

/// What looking at the image gives, and when: the blocks that it took are here by then.
struct first_look {
  nanos after{0}; ///< Since the start of the boot.
  predict::foresight what;
  std::vector<extent> moved;
};

/// Plays a boot on empty caches by discrete events, with the history and the scheduler that ship: nothing is
/// fetched before the first read. The history learns the boot at its end. Without `ahead` it only watches.
/// With a mix, that predicts too. With a look, the image is looked at meanwhile.
boot_result play(const std::vector<boot_step>& boot, std::string_view label, const far_origin& origin,
                 predict::history& history, bool ahead, predict::mix* mix = nullptr,
                 const first_look* look = nullptr);

} // namespace forerun::boot_sim
