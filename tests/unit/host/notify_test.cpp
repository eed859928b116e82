#include "runtime/host/notify.hpp"
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace forerun;

namespace {

/// A socket bound to `path`, "@" for an abstract name; what the service manager holds.
int manager(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  if (path[0] == '@')
    name.sun_path[0] = '\0';
  const auto fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&name), length) == 0);
  return fd;
}

std::string received(int fd) {
  char bytes[256];
  const auto count = ::recv(fd, bytes, sizeof bytes, 0);
  return count < 0 ? "nothing" : std::string(bytes, static_cast<std::size_t>(count));
}

} // namespace

TEST_CASE("the service manager is told at its socket, whichever kind that is") {
  const auto folder = std::filesystem::temp_directory_path();
  for (const auto& path : {folder / ("forerun-notify-" + std::to_string(::getpid())),
                           std::filesystem::path("@forerun-notify-" + std::to_string(::getpid()))}) {
    const auto fd = manager(path);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    CHECK(host::notify("READY=1\nSTATUS=serving"));
    CHECK(received(fd) == "READY=1\nSTATUS=serving");
    ::close(fd);
    ::unlink(path.c_str());
  }
  ::unsetenv("NOTIFY_SOCKET");
}

TEST_CASE("without a service manager nothing is sent") {
  ::unsetenv("NOTIFY_SOCKET");
  CHECK_FALSE(host::notify("READY=1"));
  for (const auto* path : {"", "/", "relative", "/nowhere/at/all"}) {
    ::setenv("NOTIFY_SOCKET", path, 1);
    CHECK_FALSE(host::notify("READY=1"));
  }
  ::unsetenv("NOTIFY_SOCKET");
}
