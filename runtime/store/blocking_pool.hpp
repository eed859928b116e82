#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace forerun::store {

/// A few threads for work that blocks: flushes, writes of cached blocks, saving models. Any thread may post.
class blocking_pool {
public:
  /// At most `waiting_max` works wait; one more is refused.
  blocking_pool(std::size_t threads, std::size_t waiting_max);
  /// Does what waits, then ends.
  ~blocking_pool();

  /// False when too much waits, or after `drain`: the work is not done.
  bool post(std::function<void()> work);
  /// Returns when everything posted so far is done; later works are refused.
  void drain();

private:
  void run();

  const std::size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable work_came_;
  std::condition_variable work_done_;
  std::deque<std::function<void()>> waiting_;
  std::size_t working_ = 0;
  bool closed_ = false;
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

} // namespace forerun::store
