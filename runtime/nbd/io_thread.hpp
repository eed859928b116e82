#pragma once
#include "runtime/nbd/connection.hpp"
#include "runtime/nbd/poll_window.hpp"
#include <functional>
#include <mutex>
#include <thread>

namespace forerun::nbd {

/// What all I/O threads of a server share; it outlives them.
struct io_shared {
  exports& names;
  const clock& time;
  session_limits limits;
  nanos handshake_time_max;
};

/// One thread with its own poller and its own connections.
class io_thread {
public:
  /// Called on this thread when a client has connected to one of its listeners.
  using accepted = std::function<void(descriptor, const std::optional<std::string>& bound)>;

  io_thread(io_slot slot, const io_shared& shared, accepted on_accept);
  /// Drains no longer: what is open is closed. Waits for calls of `complete` under way.
  ~io_thread();
  io_thread(const io_thread&) = delete;
  io_thread& operator=(const io_thread&) = delete;

  // Any thread:
  void adopt(descriptor socket, std::optional<std::string> bound);
  void listen(std::uint64_t id, descriptor socket, std::optional<std::string> bound);
  /// Returns when the listener is closed. Not on an I/O thread.
  void unlisten(std::uint64_t id);
  /// Drains the connections that serve this export.
  void disconnect(const std::string& name);
  void complete(ticket to, result<answer> how, owned_bytes data);
  /// Takes no more requests; returns at once. The thread ends when nothing is open, at the latest at `until`.
  void stop(instant until);
  void join();
  const io_counters& count() const { return count_; }
  /// Connections that were given to this thread, ever, and those that are still with it.
  std::uint64_t adopted() const { return adopted_.load(std::memory_order_relaxed); }
  std::uint64_t open() const {
    const auto closed = count_.connections_closed.get();
    return adopted() - closed;
  }

private:
  struct listener {
    std::uint64_t id = 0;
    descriptor socket;
    std::optional<std::string> bound;
    bool waiting = false; ///< Accepting failed for want of descriptors; tried again later.
  };
  /// A device in use on this thread.
  struct served {
    std::shared_ptr<device> what;
    bool used = false;    ///< In this turn.
    bool ticking = false; ///< It wants `turn_ended` every millisecond, next at `tick_at`.
    instant tick_at{};
    bool alive = true; ///< A connection has it.
  };

  void run();
  void post(std::function<void()> task);
  void wake();
  void wait_for_work();
  bool look_for_work(instant since);
  bool poll(int time_ms);
  int poll_time_ms() const;
  void note(std::uint64_t tag, std::uint32_t events);
  void run_tasks();
  void deliver_answers();
  void take_turn(instant now);
  void stall(connection& which);
  void finish_turn();
  void accept_from(listener& from);
  void add_connection(descriptor socket, std::optional<std::string> bound);
  void queue(connection& which);
  void mark_used(const connection& which);
  void close(connection& which);
  void look_at_deadlines(instant now);

  io_slot slot_;
  const io_shared& shared_;
  accepted on_accept_;
  descriptor poller_;
  descriptor bell_; ///< An eventfd: rung when the inbox or the tasks were empty.
  inbox inbox_;
  std::atomic<int> completing_{0}; ///< Threads inside `complete`: the answer may be out before they are.
  std::mutex tasks_lock_;
  std::vector<std::function<void()>> tasks_; ///< Set-up and shut-down only.

  std::vector<std::unique_ptr<connection>> connections_;
  std::vector<std::uint32_t> free_;
  std::vector<std::unique_ptr<listener>> listeners_;
  std::vector<served> served_;
  std::vector<connection*> ready_;
  std::vector<connection*> turn_;
  std::vector<connection*> stalled_;
  connection* asker_ = nullptr; ///< Whose turn was the last in which something was done.
  poll_window window_;
  reply_batch batch_;
  std::uint64_t generation_ = 0;
  std::size_t handshaking_ = 0;
  instant retry_at_{}; ///< When stalled_ has its next turn.
  instant deadlines_looked_at_{};
  bool stopping_ = false;
  instant stop_until_{};
  std::atomic<std::uint64_t> adopted_{0};
  io_counters count_;
  std::thread thread_;
};

} // namespace forerun::nbd
