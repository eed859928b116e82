#pragma once
#include <csignal>

namespace forerun::cli {

/// While it lives, Ctrl-C and SIGTERM do not end the process: they make a descriptor readable. One at a time,
/// on a thread that started no others.
class interrupts {
public:
  interrupts();
  ~interrupts();
  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;

  /// Negative if there is none.
  int fd() const { return fd_; }

private:
  sigset_t before_{};
  int fd_ = -1;
};

} // namespace forerun::cli
