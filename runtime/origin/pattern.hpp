#pragma once
#include "runtime/base/bytes.hpp"
#include "runtime/base/extent.hpp"
#include "runtime/origin/origin.hpp"
#include "runtime/origin/workers.hpp"

namespace forerun::origin {

/// What block `block` of the pattern image `seed` holds. Any two blocks differ, and a block at the wrong
/// place shows. Several GB/s on one core; the same bytes on every machine. (A counter through the finalizer
/// of SplitMix64: Steele, Lea, Flood, OOPSLA '14.)
inline void pattern_block(std::uint64_t seed, std::uint64_t block, std::span<std::byte, block_bytes> out) {
  constexpr auto mix = [](std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  };
  constexpr std::uint64_t step = 0x9e3779b97f4a7c15u;
  auto counter = mix(mix(seed + step) ^ (block * step));
  for (std::size_t at = 0; at < block_bytes; at += sizeof counter)
    put_number(out.data() + at, mix(counter += step));
}

/// The bytes [offset, offset + into.size()) of the pattern image.
void pattern_bytes(std::uint64_t seed, std::uint64_t offset, std::span<std::byte> into);

/// An image whose contents everybody can work out: for the demo, tests and benches.
class pattern_source final : public source {
public:
  pattern_source(std::uint64_t bytes, std::uint64_t seed);
  const identity& about() const override { return about_; }
  void read(std::uint64_t offset, std::uint32_t length, priority how, done then) override;

private:
  identity about_;
  std::uint64_t seed_;
  workers workers_{1};
};

} // namespace forerun::origin
