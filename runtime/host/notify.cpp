#include "runtime/host/notify.hpp"
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace forerun::host {

bool notify(std::string_view state) {
  const auto* variable = std::getenv("NOTIFY_SOCKET");
  if (variable == nullptr)
    return false;
  const std::string_view path(variable);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path.size() < 2 || path.size() >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
    return false;
  std::memcpy(to.sun_path, path.data(), path.size());
  if (path[0] == '@')
    to.sun_path[0] = '\0'; // an abstract name, which has no end of its own
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const auto fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return false;
  const auto sent =
      ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to), length);
  ::close(fd);
  return sent == static_cast<ssize_t>(state.size());
}

} // namespace forerun::host
