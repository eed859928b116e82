#pragma once
#include "runtime/volume/image_plane.hpp"
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace forerun::volume {

/// The images that are open on this node. Any thread; not for the read path.
class planes {
public:
  void add(std::shared_ptr<image_plane> plane) {
    std::lock_guard guard{mutex_};
    planes_[plane->id] = std::move(plane);
  }
  void remove(image_id id) {
    std::lock_guard guard{mutex_};
    planes_.erase(id);
  }
  /// Null when the image is not open.
  std::shared_ptr<image_plane> find(image_id id) const {
    std::lock_guard guard{mutex_};
    const auto found = planes_.find(id);
    return found == planes_.end() ? nullptr : found->second;
  }

private:
  mutable std::mutex mutex_;
  std::map<image_id, std::shared_ptr<image_plane>> planes_;
};

} // namespace forerun::volume
