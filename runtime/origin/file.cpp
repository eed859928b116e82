#include "runtime/origin/file.hpp"
#include "runtime/origin/workers.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace forerun::origin {
namespace {

/// Length, time of change and inode; nothing when the system does not tell.
std::optional<identity> identify(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0)
    return std::nullopt;
  auto bytes = static_cast<std::uint64_t>(status.st_size);
  if (S_ISBLK(status.st_mode)) {
    const auto end = ::lseek(fd, 0, SEEK_END);
    if (end < 0)
      return std::nullopt;
    bytes = static_cast<std::uint64_t>(end);
  }
  return identity{bytes, fmt::format("file {} {}.{:09} {}", bytes, status.st_mtim.tv_sec,
                                     status.st_mtim.tv_nsec, status.st_ino)};
}

class file_source final : public source {
public:
  file_source(int fd, identity about, std::size_t threads)
      : fd_(fd), about_(std::move(about)), workers_(threads) {}
  const identity& about() const override { return about_; }

  void read(std::uint64_t offset, std::uint32_t length, priority how, done then) override {
    auto job = [this, offset, length, then](bool cancelled) {
      then(cancelled ? result<buffer>(errc::cancelled) : read_now(offset, length));
    };
    if (!workers_.post(how, std::move(job)))
      then(errc::overloaded);
  }

private:
  struct descriptor {
    explicit descriptor(int value) : fd(value) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { ::close(fd); }
    int fd;
  };

  result<buffer> read_now(std::uint64_t offset, std::uint32_t length) const {
    auto data = std::make_shared<std::vector<std::byte>>(length);
    for (std::size_t have = 0; have < length;) {
      const auto got = ::pread(fd_.fd, data->data() + have, length - have, static_cast<off_t>(offset + have));
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return errc::io_failed;
      if (got == 0)
        return errc::changed; // It was that long when it was opened.
      have += static_cast<std::size_t>(got);
    }
    // Looked at after the read: a change moves the time before it moves the data.
    return identify(fd_.fd) == about_ ? result<buffer>(std::move(data)) : result<buffer>(errc::changed);
  }

  descriptor fd_;
  identity about_;
  workers workers_; // Ends first: its jobs use the descriptor.
};

} // namespace

opened open_file(const std::string& path, const source_options& options) {
  const auto fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const auto code = errno == ENOENT   ? errc::not_found
                      : errno == EACCES ? errc::permission_denied
                                        : errc::io_failed;
    return trouble{code, fmt::format("file:{}: {}; give the path of an image that this user may read", path,
                                     std::strerror(errno))};
  }
  struct stat status {};
  auto about = identify(fd);
  if (!about || ::fstat(fd, &status) != 0 || (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))) {
    ::close(fd);
    return trouble{
        errc::invalid_argument,
        fmt::format("file:{}: neither a file nor a block device; give the path of an image", path)};
  }
  return std::shared_ptr<source>(std::make_shared<file_source>(fd, std::move(*about), options.file_threads));
}

} // namespace forerun::origin
