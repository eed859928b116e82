#pragma once
#include "runtime/base/result.hpp"
#include <optional>
#include <string>
#include <utility>

namespace forerun::host {

/// Holds a folder for one process, as long as it lives: also after `kill -9` the lock is gone with its
/// holder.
class folder_lock {
public:
  /// Locks the file `lock` in the folder. Errors: `busy` when another process has it; `holder` is then its
  /// id, if it could be read.
  static result<folder_lock> take(const std::string& folder, std::optional<long>& holder);

  folder_lock(folder_lock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  folder_lock& operator=(folder_lock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~folder_lock();

private:
  explicit folder_lock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

} // namespace forerun::host
