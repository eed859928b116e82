#pragma once
#include "runtime/base/disk.hpp"
#include <memory>
#include <string>

namespace forerun::host {

/// Files of one folder of this machine. A file that is opened shows what is stored, not what an earlier sync
/// failed to store. Any thread.
class posix_disk final : public disk {
public:
  /// Makes the folder (mode 0700) and those above it if they are missing. Errors: `permission_denied`,
  /// `no_space`, `io_failed`, `invalid_argument` (something else has that name).
  static result<std::unique_ptr<posix_disk>> open(const std::string& folder);
  ~posix_disk() override;

  result<std::unique_ptr<disk_file>> open(std::string_view name, bool create) override;
  result<std::unique_ptr<disk_file>> open_to_read(std::string_view name) override;
  result<void> remove(std::string_view name) override;
  result<void> rename(std::string_view from, std::string_view to) override;
  result<void> sync_names() override;
  result<std::vector<std::string>> list() override;

private:
  explicit posix_disk(int folder) : folder_(folder) {}
  int folder_;
};

/// What the system's error number means to us.
errc errc_of(int number);

} // namespace forerun::host
