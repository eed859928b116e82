#pragma once
#include "runtime/origin/demand_queue.hpp"
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace forerun::origin {

/// A few threads that do blocking reads, demand first.
class workers {
public:
  /// `cancelled`: the workers end; do nothing but say so.
  using job = std::function<void(bool cancelled)>;
  static constexpr std::size_t jobs_waiting_max = 65536;

  explicit workers(std::size_t threads);
  /// Cancels what waits and joins. Never called by one of its own jobs.
  ~workers();

  /// False, and the job is not taken, when `jobs_waiting_max` wait already.
  bool post(priority how, job what);

private:
  void run();

  std::mutex lock_;
  std::condition_variable wake_;
  demand_queue<job> waiting_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

} // namespace forerun::origin
