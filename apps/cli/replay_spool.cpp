#include "apps/cli/replay_spool.hpp"
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

namespace forerun::cli {

result<spool_file> spool_file::open() {
  const auto* folder = std::getenv("TMPDIR");
  auto name = std::string(folder != nullptr && *folder != '\0' ? folder : "/var/tmp") + "/forerun-XXXXXX";
  const auto fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0)
    return errno == EACCES || errno == EROFS ? errc::permission_denied
           : errno == ENOENT                 ? errc::not_found
                                             : errc::io_failed;
  ::unlink(name.c_str());
  return spool_file(fd);
}

spool_file::~spool_file() {
  if (fd_ >= 0)
    ::close(fd_);
}

result<void> spool_file::write(std::uint64_t at, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const auto done = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return errc::io_failed;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    at += static_cast<std::uint64_t>(done);
  }
  return success();
}

result<void> spool_file::read(std::uint64_t at, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const auto done = ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return errc::io_failed;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    at += static_cast<std::uint64_t>(done);
  }
  return success();
}

} // namespace forerun::cli
