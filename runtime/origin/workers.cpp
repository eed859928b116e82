#include "runtime/origin/workers.hpp"

namespace forerun::origin {

workers::workers(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i)
    threads_.emplace_back([this] { run(); });
}

workers::~workers() {
  {
    const std::lock_guard hold(lock_);
    ending_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_)
    thread.join();
}

bool workers::post(priority how, job what) {
  {
    const std::lock_guard hold(lock_);
    if (waiting_.size() >= jobs_waiting_max)
      return false;
    waiting_.push(how, std::move(what));
  }
  wake_.notify_one();
  return true;
}

void workers::run() {
  std::unique_lock hold(lock_);
  while (true) {
    wake_.wait(hold, [this] { return ending_ || !waiting_.empty(); });
    auto next = waiting_.pop();
    if (!next)
      return;
    const auto cancelled = ending_;
    hold.unlock();
    (*next)(cancelled);
    next.reset();
    hold.lock();
  }
}

} // namespace forerun::origin
