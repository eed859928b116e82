#pragma once
#include "runtime/base/extent.hpp"
#include "runtime/base/prediction.hpp"
#include "runtime/base/residency.hpp"
#include "runtime/predict/neighbourhood_map.hpp"
#include "runtime/predict/neighbourhood_weights.hpp"
#include <vector>

namespace forerun::predict {

/// What the path to the origin was measured to do; 0: not known yet.
struct link_figures {
  double bandwidth = 0; ///< Bytes per second.
  nanos delay{0};
};

struct neighbourhood_limits {
  /// Wasted blocks for each read one, which the price is steered to.
  float waste_aim = 0.24f;
  /// So many blocks for each read one may be asked for and not read yet; at that it stops at once.
  float unread_max = 0.28f;
  float unread_slack_blocks = 512; ///< Beyond that share: much of what was asked for last is read soon.
  /// Of its own blocks so many must be read, or it is silent: on boots it is 0.4 at its worst moment, on the
  /// unpredictable reads of a search engine 0.2 to 0.3.
  float precision_min = 0.35f;
  std::uint32_t trial_blocks = 160; ///< Unread ones before that is asked.
  const neighbourhood_model* model =
      &neighbourhood_shipped; ///< Another one while it is trained; outlives this.
};

struct neighbourhood_figures {
  std::uint64_t read_blocks = 0;      ///< Distinct ones.
  std::uint64_t asked_blocks = 0;     ///< Moved before they were read, by whomever.
  std::uint64_t used_blocks = 0;      ///< Of those, read since.
  std::uint64_t own_asked_blocks = 0; ///< By this expert alone.
  std::uint64_t own_used_blocks = 0;
  bool silent = false; ///< This image is not predictable in this way.
  std::size_t memory_bytes = 0;
};

/// Fills in what lies around the reads of a run that nothing is known about: the first boot of an image. For
/// each unread block within `reach_blocks` of a read, two logistic models over the shape of what was read so
/// far state P, that it is read later, and V, the share of a round trip that having it saves. It is fetched
/// if V / (1.02 - P), the value of a wasted block, is at least a price, and the price follows the waste. The
/// weights are trained offline on recorded boots and shipped (neighbourhood_weights.cpp). About 3
/// microseconds for a read. A pure value; one thread.
class neighbourhood {
public:
  static constexpr std::uint32_t reach_blocks = 32; ///< Wider reach adds waste, not speed.

  explicit neighbourhood(const neighbourhood_limits& limits = {}) : limits_(limits) {}

  /// A read arrived. With `act` (no other expert expected it) what is worth fetching around it is appended to
  /// `out`, best first, in extents of at most `reach_blocks`; else the read is only remembered.
  void observe(extent read, bool act, const residency& here, const link_figures& link, instant now,
               std::vector<prediction>& out);
  /// Another expert asked for blocks that were never read: their waste counts here too, so that all
  /// speculation on unknown blocks has one bound.
  void asked(extent where, float probability) { count(where, probability, false); }
  /// A new run starts with nothing read.
  void forget();
  neighbourhood_figures figures() const;

private:
  bool allowed(std::uint64_t more) const;
  std::uint32_t count(extent where, float probability, bool own);
  float waste() const;
  float price(const link_figures& link) const;

  neighbourhood_limits limits_;
  neighbourhood_map map_;
  extent before_; ///< The last read.
  std::uint64_t read_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t used_ = 0;
  std::uint64_t own_asked_ = 0;
  std::uint64_t own_used_ = 0;
  float doubt_ = 0; ///< Expected waste: of asked, unread blocks, how unlikely they are to be read.
};

} // namespace forerun::predict
