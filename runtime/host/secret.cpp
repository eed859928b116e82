#include "runtime/host/secret.hpp"
#include "runtime/host/posix_disk.hpp"
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace forerun::host {
namespace {

constexpr std::size_t text_bytes = 2 * std::tuple_size_v<ed25519_seed>;

struct descriptor {
  explicit descriptor(int it) : number(it) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (number >= 0)
      close(number);
  }
  int number;
};

result<ed25519_seed> load(int file) {
  struct stat about {};
  if (fstat(file, &about) != 0)
    return errc_of(errno);
  if (!S_ISREG(about.st_mode))
    return errc::corrupt;
  if ((about.st_mode & S_IRWXO) != 0)
    return errc::permission_denied;
  std::string text(text_bytes + 2, '\0');
  const auto got = pread(file, text.data(), text.size(), 0);
  if (got < 0)
    return errc_of(errno);
  text.resize(static_cast<std::size_t>(got));
  if (text.ends_with('\n'))
    text.pop_back();
  const auto secret = parse_ed25519_key(text);
  return secret ? result<ed25519_seed>{*secret} : errc::corrupt;
}

/// It is whole under its name, or not there.
result<ed25519_seed> make(const std::string& path) {
  ed25519_seed secret;
  if (getrandom(secret.data(), secret.size(), 0) != static_cast<ssize_t>(secret.size()))
    return errc::io_failed;
  const auto text = fmt::format("{:02x}\n", fmt::join(secret, ""));
  const auto unfinished = path + ".new";
  (void)unlink(unfinished.c_str());
  const descriptor file{open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (file.number < 0 || write(file.number, text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      fsync(file.number) != 0 || rename(unfinished.c_str(), path.c_str()) != 0)
    return errc_of(errno);
  const descriptor folder{
      open(path.substr(0, path.rfind('/') + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder.number < 0 || fsync(folder.number) != 0)
    return errc_of(errno);
  return secret;
}

} // namespace

result<ed25519_seed> load_or_make_secret(const std::string& path) {
  const descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.number >= 0)
    return load(file.number);
  return errno == ENOENT ? make(path) : errc_of(errno);
}

} // namespace forerun::host
