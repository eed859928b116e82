#include "runtime/control/inbox.hpp"
#include <cerrno>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace forerun::control {

inbox::inbox() : wakeup_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (wakeup_.get() < 0)
    throw std::system_error(errno, std::generic_category(), "eventfd");
}

void inbox::push(task what) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_)
      return;
    first = tasks_.empty();
    tasks_.push_back(std::move(what));
  }
  if (!first)
    return; // whoever found it empty wakes the other side
  const std::uint64_t one = 1;
  // Fails only when 2^64 - 2 wakeups wait, and then one more is not needed.
  [[maybe_unused]] const auto written = ::write(wakeup_.get(), &one, sizeof one);
}

std::vector<inbox::task> inbox::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(tasks_, {});
}

void inbox::close() {
  std::vector<task> forgotten; // destroyed outside the lock: a task may own a reply
  const std::lock_guard lock(mutex_);
  closed_ = true;
  std::swap(forgotten, tasks_);
}

} // namespace forerun::control
