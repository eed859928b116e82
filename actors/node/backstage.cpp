#include "actors/node/backstage.hpp"

namespace forerun::actors {

bool actor_backstage::fetch(std::shared_ptr<volume::demand> what) {
  const auto image = what->image;
  const missed seen{image, what->run, what->seen};
  // The demand leaves first; then the models hear of it, before its answer is there.
  if (!others_->tell<image_actor>({role::image, image.value}, fetch_request{std::move(what)}))
    return false;
  others_->tell<predictor_actor>({role::predictor, image.value}, seen);
  others_->tell<prefetcher_actor>({role::prefetcher, 0}, seen);
  return true;
}

void actor_backstage::observed(volume::batch_ptr batch) {
  const auto volume = batch->volume;
  others_->tell<vm_actor>({role::vm, volume.value}, actors::observed{std::move(batch)});
}

void actor_backstage::hinted(volume_id, image_id image, extent where, instant when) {
  const prediction hint{where, 1.0f, when, expert::hint, 0};
  others_->tell<prefetcher_actor>({role::prefetcher, 0}, predicted{image, {hint}});
}

void actor_backstage::attached(volume_id volume) {
  others_->tell<volume_actor>({role::volume, volume.value}, attach_atom_v);
}

void actor_backstage::detached(volume_id volume) {
  others_->tell<volume_actor>({role::volume, volume.value}, detach_atom_v);
}

bool actor_backstage::run_blocking(std::function<void()> work) {
  return workers_.post(std::move(work));
}

} // namespace forerun::actors
