#pragma once
#include "actors/common/protocols.hpp"
#include "runtime/store/blocking_pool.hpp"
#include "runtime/volume/backstage.hpp"
#include <map>
#include <mutex>

namespace forerun::actors {

/// The I/O threads' way to the actors: what they hand over becomes messages.
class actor_backstage final : public volume::backstage {
public:
  actor_backstage(std::shared_ptr<directory> others, store::blocking_pool& workers)
      : others_(std::move(others)), workers_(workers) {}

  bool fetch(std::shared_ptr<volume::demand> what) override;
  void observed(volume::batch_ptr batch) override;
  void hinted(volume_id volume, image_id image, extent where, instant when) override;
  void attached(volume_id volume) override;
  void detached(volume_id volume) override;
  bool run_blocking(std::function<void()> work) override;

private:
  const std::shared_ptr<directory> others_;
  store::blocking_pool& workers_;
};

} // namespace forerun::actors
