#pragma once
#include "runtime/nbd/descriptor.hpp"
#include "runtime/nbd/inbox.hpp"
#include "runtime/nbd/input.hpp"
#include "runtime/nbd/session.hpp"

namespace forerun::nbd {

/// One client's socket and its session. Belongs to one I/O thread.
class connection {
public:
  /// What the I/O thread does with it next.
  enum class next : std::uint8_t {
    sleep, ///< Wait for the socket or a later answer.
    again, ///< There is more to do, after the others had their turn.
    retry, ///< Call again in a millisecond.
    close,
  };

  /// `poller` watches `socket` already, edge-triggered.
  connection(descriptor socket, int poller, std::uint64_t poll_tag, const session_limits& limits,
             exports& names, std::optional<std::string> bound, session_place place, io_counters& count,
             const clock& time);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  void greet(reply_batch& out);
  /// What epoll said: there is something to read, or the other side has gone.
  void note_events(std::uint32_t events);
  /// Asks the socket itself. True: there is something to do.
  bool look();
  void note_answer(late_answer& what);
  /// Does what can be done without waiting. `out` is empty before and after.
  next pump(reply_batch& out);
  void drain() { session_.drain(); }

  bool transmitting() const { return session_.transmitting(); }
  const std::shared_ptr<device>& serving() const { return session_.serving(); }
  std::uint64_t generation() const { return place_.generation; }
  std::uint32_t index() const { return place_.connection; }
  instant since() const { return since_; }
  /// It is in its thread's list for this turn.
  bool queued = false;

private:
  struct answer_held {
    std::uint32_t request = 0;
    result<answer> how;
    owned_bytes data;
  };

  bool read_some();
  bool flush(reply_batch& out);
  bool write_backlog();
  void watch_output(bool on);
  bool backlogged() const { return backlog_sent_ < backlog_.size(); }

  descriptor socket_;
  int poller_;
  std::uint64_t poll_tag_;
  session_place place_;
  const clock& time_;
  session session_;
  input_buffer input_;
  std::vector<std::byte> backlog_; ///< What the socket did not take: a batch and what was open, at most.
  std::size_t backlog_sent_ = 0;
  std::vector<answer_held> answers_;
  instant since_;
  instant now_;
  bool readable_ = true;
  bool gone_ = false;     ///< The other side sends no more.
  bool broken_ = false;   ///< The other side takes no more.
  bool watching_ = false; ///< For room to send.
};

} // namespace forerun::nbd
