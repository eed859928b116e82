#pragma once
#include "actors/common/protocols.hpp"
#include "runtime/store/blocking_pool.hpp"
#include "runtime/volume/planes.hpp"

namespace forerun::actors {

/// Where what was learned is kept between two lives of a node. Any thread; may block.
class model_store {
public:
  virtual ~model_store() = default;
  /// Empty when nothing (sound) is there.
  virtual std::vector<std::byte> load(image_id image) = 0;
  virtual void save(image_id image, std::vector<std::byte> model) = 0;
};

/// With so many reads in a row that found everything, and found nothing prefetched, there is nothing to
/// predict: the experts for traffic without a history rest until something is missed again.
inline constexpr std::uint32_t rest_after_hits = 4096;

struct predictor_parts {
  predict::mix_limits limits;
  image_id image{};
  std::shared_ptr<model_store> models;
  std::shared_ptr<const volume::planes> images; ///< Where to see what is local.
  std::shared_ptr<directory> others;
  store::blocking_pool* workers = nullptr;
};

/// Learns what the programs on an image read, and says what those that run now will read next.
predictor_actor spawn_predictor(caf::actor_system& system, predictor_parts parts);

} // namespace forerun::actors
