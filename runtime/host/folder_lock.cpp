#include "runtime/host/folder_lock.hpp"
#include "runtime/host/posix_disk.hpp"
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace forerun::host {

result<folder_lock> folder_lock::take(const std::string& folder, std::optional<long>& holder) {
  const int descriptor = open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return errc_of(errno);
  folder_lock lock{descriptor};
  char text[32]{};
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return errc_of(errno);
    if (pread(descriptor, text, sizeof text - 1, 0) > 0)
      holder = std::strtol(text, nullptr, 10);
    return errc::busy;
  }
  const auto mine = std::to_string(getpid());
  if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, mine.data(), mine.size(), 0) < 0)
    return errc_of(errno);
  return lock;
}

folder_lock::~folder_lock() {
  if (descriptor_ >= 0)
    close(descriptor_);
}

} // namespace forerun::host
