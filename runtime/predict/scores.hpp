#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace forerun::predict {

inline constexpr std::size_t score_bins = 20;

/// How true the probabilities of one source have been: of what was said to be read at 0.8, were eight in ten?
/// Old outcomes fade, so that a source that has learned is not judged by its beginnings. A pure value of
/// fixed size; about 20 ns for an outcome.
class scores {
public:
  /// Proposals with nearly the same probability, in faded counts.
  struct bin {
    double count = 0;
    double said = 0; ///< Sum of the probabilities.
    double used = 0; ///< So many came true.
  };

  /// An outcome counts 1/e after `memory` further ones; 0: nothing fades.
  scores() : scores(0) {}
  explicit scores(double memory);

  void settle(float said, bool used);
  /// The other's outcomes count here, too, with the weights that they have there.
  void merge(const scores& other);

  /// Expected calibration error: how far what was said lies from what came true, over bins of equal width, by
  /// their counts (Naeini and others, AAAI 2015). 0 if nothing was settled; as the next two.
  double calibration_error() const;
  /// Mean squared difference of what was said and what came true: 0 is perfect, 0.25 a coin (Brier 1950).
  double brier() const;
  /// Mean of -ln of what was said of that which took place; probabilities are taken between 0.001 and 0.999.
  double log_loss() const;

  /// Never faded.
  std::uint64_t count() const { return count_; }
  std::uint64_t used() const { return used_; }
  /// Bin i has probabilities from i / score_bins on; the last one has 1, too.
  std::array<bin, score_bins> bins() const;

private:
  double weight() const;

  double growth_; ///< New outcomes count so much more, instead of old ones less.
  double unit_ = 1;
  std::array<bin, score_bins> bins_{}; ///< In units of the newest outcome's growing weight.
  double squares_ = 0;
  double logs_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t used_ = 0;
};

/// Of one expert, or of all together.
struct expert_scores {
  explicit expert_scores(double memory = 0) : all(memory), moved(memory) {}
  void settle(float said, bool was_moved, bool used) {
    all.settle(said, used);
    if (was_moved)
      moved.settle(said, used);
  }
  scores all;   ///< Also what was only written down.
  scores moved; ///< What was fetched ahead.
};

} // namespace forerun::predict
