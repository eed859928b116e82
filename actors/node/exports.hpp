#pragma once
#include "runtime/nbd/device.hpp"
#include <map>
#include <mutex>

namespace forerun::actors {

/// The volumes that clients can ask for by name. Any thread.
class export_table final : public nbd::exports {
public:
  void add(std::shared_ptr<nbd::device> device) {
    std::lock_guard guard{mutex_};
    const auto name = device->info().name;
    devices_[name] = std::move(device);
  }
  void remove(const std::string& name) {
    std::lock_guard guard{mutex_};
    devices_.erase(name);
  }
  /// The empty name means the only volume, if there is one only.
  std::shared_ptr<nbd::device> find(const std::string& name) override {
    std::lock_guard guard{mutex_};
    if (name.empty() && devices_.size() == 1)
      return devices_.begin()->second;
    const auto found = devices_.find(name);
    return found == devices_.end() ? nullptr : found->second;
  }
  std::vector<nbd::export_info> list() override {
    std::lock_guard guard{mutex_};
    std::vector<nbd::export_info> all;
    for (const auto& [name, device] : devices_)
      all.push_back(device->info());
    return all;
  }

private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<nbd::device>> devices_;
};

} // namespace forerun::actors
