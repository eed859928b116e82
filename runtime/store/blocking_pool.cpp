#include "runtime/store/blocking_pool.hpp"

namespace forerun::store {

blocking_pool::blocking_pool(std::size_t threads, std::size_t waiting_max) : waiting_max_(waiting_max) {
  for (std::size_t i = 0; i < threads; ++i)
    threads_.emplace_back([this] { run(); });
}

blocking_pool::~blocking_pool() {
  drain();
  {
    std::lock_guard guard{mutex_};
    ended_ = true;
  }
  work_came_.notify_all();
  for (auto& thread : threads_)
    thread.join();
}

bool blocking_pool::post(std::function<void()> work) {
  {
    std::lock_guard guard{mutex_};
    if (closed_ || waiting_.size() >= waiting_max_)
      return false;
    waiting_.push_back(std::move(work));
  }
  work_came_.notify_one();
  return true;
}

void blocking_pool::drain() {
  std::unique_lock lock{mutex_};
  closed_ = true;
  work_done_.wait(lock, [this] { return waiting_.empty() && working_ == 0; });
}

void blocking_pool::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    work_came_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
    if (waiting_.empty())
      return;
    auto work = std::move(waiting_.front());
    waiting_.pop_front();
    ++working_;
    lock.unlock();
    work();
    work = nullptr; // What it holds goes before it counts as done.
    lock.lock();
    --working_;
    if (waiting_.empty() && working_ == 0)
      work_done_.notify_all();
  }
}

} // namespace forerun::store
