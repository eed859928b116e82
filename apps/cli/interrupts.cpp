#include "apps/cli/interrupts.hpp"
#include <sys/signalfd.h>
#include <unistd.h>

namespace forerun::cli {

interrupts::interrupts() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &wanted, &before_);
  fd_ = ::signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
}

interrupts::~interrupts() {
  // What came is taken, so that it does not end the process when it may again.
  signalfd_siginfo taken;
  while (fd_ >= 0 && ::read(fd_, &taken, sizeof taken) == sizeof taken) {
  }
  if (fd_ >= 0)
    ::close(fd_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

} // namespace forerun::cli
