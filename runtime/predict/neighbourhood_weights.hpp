#pragma once
#include "runtime/predict/neighbourhood_features.hpp"

namespace forerun::predict {

/// One weight in both models, in units of `neighbourhood_weight_unit`.
struct neighbourhood_weight {
  std::int8_t read_later = 0;
  std::int8_t saves = 0;
};

inline constexpr float neighbourhood_weight_unit = 1.0f / 32;

struct neighbourhood_model {
  float bias_read_later = 0;
  float bias_saves = 0;
  std::array<neighbourhood_weight, feature_count> weights{};
};

/// Learned from all recordings of boots that the project has.
extern const neighbourhood_model neighbourhood_shipped;

} // namespace forerun::predict
