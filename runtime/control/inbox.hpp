#pragma once
#include "runtime/control/socket.hpp"
#include <functional>
#include <mutex>
#include <vector>

namespace forerun::control {

/// Inside runtime/control only: hands work from any thread to the KJ thread. KJ's own ways across threads
/// need a KJ loop at the sender, which an actor's thread has not. Holds at most one task for each open call
/// and one to stop.
class inbox {
public:
  using task = std::function<void()>;

  inbox();
  /// Does nothing once closed.
  void push(task what);
  /// Everything pushed so far, in order. Reset `fd` by reading 8 bytes first.
  std::vector<task> take();
  /// Forgets what is in it, and all that still comes.
  void close();
  /// Readable while there may be something to take: an eventfd.
  int fd() const { return wakeup_.get(); }

private:
  unique_fd wakeup_;
  std::mutex mutex_;
  std::vector<task> tasks_;
  bool closed_ = false;
};

} // namespace forerun::control
