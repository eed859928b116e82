#include "runtime/host/posix_disk.hpp"
#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace forerun::host {

errc errc_of(int number) {
  switch (number) {
  case ENOENT:
    return errc::not_found;
  case EEXIST:
    return errc::exists;
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
    return errc::no_space;
  case EACCES:
  case EPERM:
  case EROFS:
    return errc::permission_denied;
  case EINVAL:
  case ENAMETOOLONG:
  case ENOTDIR:
    return errc::invalid_argument;
  default:
    return errc::io_failed;
  }
}

namespace {

class posix_file final : public disk_file {
public:
  explicit posix_file(int descriptor) : descriptor_(descriptor) {}
  ~posix_file() override { close(descriptor_); }
  posix_file(const posix_file&) = delete;
  posix_file& operator=(const posix_file&) = delete;

  result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override {
    std::size_t done = 0;
    while (done < into.size()) {
      const auto got =
          pread(descriptor_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return errc_of(errno);
      if (got == 0)
        break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }
  void will_read(std::uint64_t offset, std::uint64_t length) override {
    posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(length), POSIX_FADV_WILLNEED);
  }
  result<void> write(std::uint64_t offset, std::span<const std::byte> data) override {
    while (!data.empty()) {
      const auto put = pwrite(descriptor_, data.data(), data.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR)
        continue;
      if (put < 0)
        return errc_of(errno);
      data = data.subspan(static_cast<std::size_t>(put));
      offset += static_cast<std::uint64_t>(put);
    }
    return success();
  }
  result<void> sync_data() override { return check(fdatasync(descriptor_)); }
  result<void> punch(std::uint64_t offset, std::uint64_t length) override {
    return check(fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                           static_cast<off_t>(offset), static_cast<off_t>(length)));
  }
  result<void> resize(std::uint64_t length) override {
    return check(ftruncate(descriptor_, static_cast<off_t>(length)));
  }
  result<std::uint64_t> size() override {
    struct stat about {};
    if (fstat(descriptor_, &about) != 0)
      return errc_of(errno);
    return static_cast<std::uint64_t>(about.st_size);
  }

private:
  static result<void> check(int returned) {
    if (returned != 0)
      return errc_of(errno);
    return success();
  }
  int descriptor_;
};

bool plain(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

} // namespace

result<std::unique_ptr<posix_disk>> posix_disk::open(const std::string& folder) {
  std::error_code failed;
  const bool made = std::filesystem::create_directories(folder, failed);
  if (failed)
    return errc_of(failed.value());
  if (made)
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failed);
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return errc_of(errno);
  return std::unique_ptr<posix_disk>{new posix_disk{descriptor}};
}

posix_disk::~posix_disk() {
  close(folder_);
}

result<std::unique_ptr<disk_file>> posix_disk::open(std::string_view name, bool create) {
  if (!plain(name))
    return errc::invalid_argument;
  const int descriptor = openat(folder_, std::string{name}.c_str(),
                                O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
  if (descriptor < 0)
    return errc_of(errno);
  // After a sync that failed the kernel may show pages that it will never write, as clean ones. Without them
  // reads show what is stored.
  (void)posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  return std::unique_ptr<disk_file>{std::make_unique<posix_file>(descriptor)};
}

result<std::unique_ptr<disk_file>> posix_disk::open_to_read(std::string_view name) {
  if (!plain(name))
    return errc::invalid_argument;
  const int descriptor = openat(folder_, std::string{name}.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0)
    return errc_of(errno);
  return std::unique_ptr<disk_file>{std::make_unique<posix_file>(descriptor)};
}

result<void> posix_disk::remove(std::string_view name) {
  if (!plain(name))
    return errc::invalid_argument;
  if (unlinkat(folder_, std::string{name}.c_str(), 0) != 0)
    return errc_of(errno);
  return success();
}

result<void> posix_disk::rename(std::string_view from, std::string_view to) {
  if (!plain(from) || !plain(to))
    return errc::invalid_argument;
  if (renameat(folder_, std::string{from}.c_str(), folder_, std::string{to}.c_str()) != 0)
    return errc_of(errno);
  return success();
}

result<void> posix_disk::sync_names() {
  if (fsync(folder_) != 0)
    return errc_of(errno);
  return success();
}

result<std::vector<std::string>> posix_disk::list() {
  const int copy = openat(folder_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0)
    return errc_of(errno);
  DIR* const entries = fdopendir(copy);
  if (entries == nullptr) {
    close(copy);
    return errc_of(errno);
  }
  std::vector<std::string> names;
  while (const auto* entry = readdir(entries))
    if (entry->d_type == DT_REG)
      names.emplace_back(entry->d_name);
  closedir(entries);
  std::sort(names.begin(), names.end());
  return names;
}

} // namespace forerun::host
