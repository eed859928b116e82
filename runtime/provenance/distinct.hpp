#pragma once
#include <array>
#include <cstdint>

namespace forerun::provenance {

/// How many different ones, in 4 KiB: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier: HyperLogLog, the
/// analysis of a near-optimal cardinality estimation algorithm, AofA 2007) with the estimator of Ertl (New
/// cardinality estimation algorithms for HyperLogLog sketches, 2017), which has no bias at small and middle
/// numbers and needs no tables. The standard error is 1.04 / 64, that is 1.6 %: two in three estimates lie
/// within it, all but one in twenty within twice as much. One thread.
class distinct_sketch {
public:
  static constexpr unsigned index_bits = 12;
  static constexpr std::size_t registers = std::size_t{1} << index_bits;
  static constexpr double standard_error = 0.01625;

  /// `hash`: the same for the same, otherwise as good as random in all its bits.
  void add(std::uint64_t hash);
  /// Those of both.
  void add(const distinct_sketch& other);
  std::uint64_t count() const;

private:
  std::array<std::uint8_t, registers> ranks_{};
};

} // namespace forerun::provenance
