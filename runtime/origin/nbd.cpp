#include "runtime/origin/nbd.hpp"
#include "runtime/origin/demand_queue.hpp"
#include "runtime/origin/steady.hpp"
#include <cerrno>
#include <fmt/format.h>
#include <libnbd.h>
#include <map>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

namespace forerun::origin {
namespace {

constexpr std::size_t requests_waiting_max = 65536; ///< More are refused with `overloaded`.

struct closer {
  void operator()(nbd_handle* handle) const { ::nbd_close(handle); }
};
using handle = std::unique_ptr<nbd_handle, closer>;

std::string taken(char* text) {
  std::string out = text != nullptr ? text : "";
  ::free(text);
  return out;
}

std::string last_error() {
  const auto* text = ::nbd_get_error();
  return text != nullptr ? text : "unknown error";
}

/// Makes poll return.
class wake_up {
public:
  wake_up() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  wake_up(const wake_up&) = delete;
  wake_up& operator=(const wake_up&) = delete;
  ~wake_up() { ::close(fd_); }
  void ring() const { ::eventfd_write(fd_, 1); }
  void clear() const {
    eventfd_t count = 0;
    ::eventfd_read(fd_, &count);
  }
  int fd() const { return fd_; }

private:
  int fd_;
};

/// Moves a connection on; waits for `bell` too, up to `until`. The handle's own errors show in its state.
void turn(nbd_handle* over, const wake_up& bell, instant until) {
  pollfd fds[] = {{bell.fd(), POLLIN, 0}, {-1, 0, 0}};
  if (over != nullptr) {
    const auto direction = ::nbd_aio_get_direction(over);
    fds[1].fd = ::nbd_aio_get_fd(over);
    fds[1].events = static_cast<short>(((direction & LIBNBD_AIO_DIRECTION_READ) != 0 ? POLLIN : 0) |
                                       ((direction & LIBNBD_AIO_DIRECTION_WRITE) != 0 ? POLLOUT : 0));
  }
  const auto left = std::max(nanos{0}, until - steady_now());
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::min<nanos>(left, std::chrono::hours{1}));
  ::poll(fds, 2, static_cast<int>(ms.count()));
  bell.clear();
  if (over == nullptr)
    return;
  if ((fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
      (::nbd_aio_get_direction(over) & LIBNBD_AIO_DIRECTION_READ) != 0)
    ::nbd_aio_notify_read(over);
  else if ((fds[1].revents & (POLLOUT | POLLHUP | POLLERR)) != 0 &&
           (::nbd_aio_get_direction(over) & LIBNBD_AIO_DIRECTION_WRITE) != 0)
    ::nbd_aio_notify_write(over);
}

bool ended(nbd_handle* over) {
  return ::nbd_aio_is_dead(over) == 1 || ::nbd_aio_is_closed(over) == 1;
}

/// A handle that has begun to connect, or null with the reason in last_error().
handle begin_connect(const std::string& url) {
  handle made(::nbd_create());
  if (!made ||
      ::nbd_set_uri_allow_transports(made.get(), LIBNBD_ALLOW_TRANSPORT_TCP | LIBNBD_ALLOW_TRANSPORT_UNIX) !=
          0 ||
      ::nbd_set_uri_allow_tls(made.get(), LIBNBD_TLS_DISABLE) != 0 ||
      ::nbd_set_uri_allow_local_file(made.get(), false) != 0 || ::nbd_set_full_info(made.get(), true) != 0 ||
      ::nbd_set_pread_initialize(made.get(), false) != 0 ||
      ::nbd_aio_connect_uri(made.get(), url.c_str()) != 0)
    return nullptr;
  return made;
}

/// What the server says of the export.
identity identify(nbd_handle* over) {
  const auto bytes = ::nbd_get_size(over);
  return {bytes < 0 ? 0 : static_cast<std::uint64_t>(bytes),
          fmt::format("nbd {} {} {}", bytes, taken(::nbd_get_export_name(over)),
                      taken(::nbd_get_export_description(over)))};
}

class nbd_source final : public source {
public:
  nbd_source(std::string url, handle over, std::unique_ptr<wake_up> bell, const source_options& options)
      : url_(std::move(url)), options_(options), over_(std::move(over)), about_(identify(over_.get())),
        bell_(std::move(bell)), thread_([this] { run(); }) {}

  ~nbd_source() override {
    {
      const std::lock_guard hold(lock_);
      ending_ = true;
    }
    bell_->ring();
    thread_.join();
  }

  const identity& about() const override { return about_; }

  void read(std::uint64_t offset, std::uint32_t length, priority how, done then) override {
    bool ring = false;
    {
      const std::lock_guard hold(lock_);
      if (waiting_.size() < requests_waiting_max) {
        ring = waiting_.empty();
        waiting_.push(how, {offset, length, std::move(then)});
        then = nullptr;
      }
    }
    if (then)
      return then(errc::overloaded);
    if (ring)
      bell_->ring();
  }

private:
  struct request {
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
    done then;
  };
  struct flight {
    nbd_source* owner = nullptr;
    std::uint64_t id = 0;
    request what;
    buffer data;
  };
  struct answer {
    done then;
    result<buffer> data;
  };

  void run() {
    while (!ending()) {
      if (over_)
        serve();
      else
        reconnect();
      deliver();
    }
    over_.reset();
    fail_flights(errc::cancelled);
    fail_waiting(errc::cancelled);
    deliver();
  }

  bool ending() {
    const std::lock_guard hold(lock_);
    return ending_;
  }

  /// One turn with a connection.
  void serve() {
    send_waiting();
    const auto patience = flights_.empty() ? instant::max() : heard_ + options_.answer_max;
    turn(over_.get(), *bell_, patience);
    deliver();
    if (ended(over_.get()))
      lose(errc::unavailable);
    else if (!flights_.empty() && steady_now() > heard_ + options_.answer_max)
      lose(errc::timed_out);
  }

  void send_waiting() {
    while (flights_.size() < options_.nbd_requests_max && !ended(over_.get())) {
      std::optional<request> next;
      {
        const std::lock_guard hold(lock_);
        next = waiting_.pop();
      }
      if (!next)
        return;
      if (flights_.empty())
        heard_ = steady_now(); // Silence is counted from when there is something to say.
      const auto id = ++last_id_;
      auto& one = flights_[id];
      one = {this, id, std::move(*next), std::make_shared<std::vector<std::byte>>(next->length)};
      const nbd_completion_callback call{&completed, &one, nullptr};
      if (::nbd_aio_pread(over_.get(), one.data->data(), one.data->size(), one.what.offset, call, 0) < 0)
        settle(one, ended(over_.get()) ? errc::unavailable : errc::io_failed);
    }
  }

  /// libnbd's: a command is over. Also called for every open command when the connection dies.
  static int completed(void* of, int* error) {
    auto& one = *static_cast<flight*>(of);
    one.owner->heard_ = steady_now();
    if (*error == 0)
      one.owner->settle(one, one.data);
    else
      one.owner->settle(one, *error == ENOTCONN || *error == ESHUTDOWN ? errc::unavailable : errc::io_failed);
    return 1; // Retire it; we have noted the answer.
  }

  void settle(flight& one, result<buffer> data) {
    answers_.push_back({std::move(one.what.then), std::move(data)});
    flights_.erase(one.id);
  }

  /// Outside of libnbd's calls, which hold its lock.
  void deliver() {
    for (auto& one : std::exchange(answers_, {}))
      one.then(std::move(one.data));
  }

  void lose(errc why) {
    over_.reset(); // Before the memory goes that libnbd fills.
    fail_flights(why);
    pause_ = reconnect_pause_first;
    next_try_ = steady_now();
  }

  void fail_flights(errc why) {
    for (auto& [id, one] : flights_)
      answers_.push_back({std::move(one.what.then), why});
    flights_.clear();
  }

  void fail_waiting(errc why) {
    const std::lock_guard hold(lock_);
    while (auto next = waiting_.pop())
      answers_.push_back({std::move(next->then), why});
  }

  /// One turn without a connection: what waits fails; a new connection is tried when it is time.
  void reconnect() {
    fail_waiting(down_);
    deliver();
    if (steady_now() < next_try_)
      return turn(nullptr, *bell_, next_try_);
    if (!attempt_) {
      attempt_ = begin_connect(url_);
      attempt_until_ = steady_now() + options_.connect_max;
    } else {
      turn(attempt_.get(), *bell_, attempt_until_);
    }
    if (attempt_ && ::nbd_aio_is_ready(attempt_.get()) == 1) {
      down_ = identify(attempt_.get()) == about_ ? errc::unavailable : errc::changed;
      if (down_ == errc::unavailable) {
        over_ = std::move(attempt_);
        return;
      }
      attempt_.reset();
    }
    if (!attempt_ || ended(attempt_.get()) || steady_now() > attempt_until_) {
      attempt_.reset();
      next_try_ = steady_now() + pause_;
      pause_ = std::min(pause_ * 2, reconnect_pause_max);
    }
  }

  std::string url_;
  source_options options_;
  handle over_;
  identity about_;
  std::unique_ptr<wake_up> bell_;

  std::mutex lock_;
  demand_queue<request> waiting_;
  bool ending_ = false;

  // The thread's own.
  std::map<std::uint64_t, flight> flights_; ///< At most `nbd_requests_max`.
  std::uint64_t last_id_ = 0;
  std::vector<answer> answers_;
  instant heard_{};
  handle attempt_;
  instant attempt_until_{};
  instant next_try_{};
  nanos pause_ = reconnect_pause_first;
  errc down_ = errc::unavailable; ///< What reads get without a connection.
  std::thread thread_;
};

} // namespace

opened open_nbd(const std::string& url, const source_options& options) {
  const auto refused = [&](errc code, const std::string& why) {
    return trouble{code, fmt::format("{}: {}; check that the server runs and offers this export "
                                     "(nbdinfo \"{}\" shows it)",
                                     url, why, url)};
  };
  auto over = begin_connect(url);
  if (!over)
    return refused(errc::unavailable, last_error());
  auto bell = std::make_unique<wake_up>();
  const auto until = steady_now() + options.connect_max;
  while (::nbd_aio_is_ready(over.get()) != 1) {
    if (ended(over.get()))
      return refused(errc::unavailable, last_error());
    if (steady_now() > until)
      return refused(errc::timed_out, "no answer in time");
    turn(over.get(), *bell, until);
  }
  return std::shared_ptr<source>(
      std::make_shared<nbd_source>(url, std::move(over), std::move(bell), options));
}

} // namespace forerun::origin
