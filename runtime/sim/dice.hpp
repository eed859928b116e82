#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace forerun::sim {

/// Chance from a seed (SplitMix64; Steele, Lea, Flood 2014): the same seed gives the same throws on every
/// machine.
class dice {
public:
  explicit dice(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    auto z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// 0 .. sides - 1; 0 for no sides. The bias of the remainder does not matter for tests.
  std::uint64_t below(std::uint64_t sides) { return sides == 0 ? 0 : next() % sides; }
  bool one_in(std::uint64_t times) { return below(times) == 0; }
  void fill(std::span<std::byte> out) {
    for (auto& byte : out)
      byte = static_cast<std::byte>(next());
  }

private:
  std::uint64_t state_;
};

} // namespace forerun::sim
