#pragma once
#include <algorithm>
#include <cstdint>

namespace forerun::predict {

/// How often what was proposed in one context came true: a running mean that forgets slowly. It starts low,
/// so that nothing is moved before the context has proved itself on proposals that were only written down.
struct counter {
  float p = 0.15f;
  std::uint32_t n = 0;

  float rate() const { return std::max(1.0f / static_cast<float>(n + 8), 1.0f / 1024); }
  void learn(bool came_true) {
    ++n;
    p += rate() * ((came_true ? 1.0f : 0.0f) - p);
  }
  /// What was counted as false came true after all.
  void correct() { p = std::min(1.0f, p + rate()); }
};

} // namespace forerun::predict
