#include "runtime/nbd/io_thread.hpp"
#include <algorithm>
#include <cerrno>
#include <future>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>

namespace forerun::nbd {

namespace {

// What a poll tag names: its lowest two bits, with an index or id above them.
constexpr std::uint64_t tag_bell = 0;
constexpr std::uint64_t tag_listener = 1;
constexpr std::uint64_t tag_connection = 2;
constexpr std::uint64_t tag_of(std::uint64_t kind, std::uint64_t index) {
  return index << 2 | kind;
}

constexpr int events_max = 64;
constexpr int accepts_per_turn = 64;
constexpr int deadline_step_ms = 50;
constexpr int tick_ms = 1;
/// While it looks for work, a thread asks the poller, which knows of all connections, once in so many looks.
constexpr int looks_per_poll = 8;
constexpr int looks_max = 4096;

descriptor checked(int fd, const char* what) {
  if (fd < 0)
    throw std::system_error{errno, std::generic_category(), what};
  return descriptor{fd};
}

bool watch(int poller, int fd, std::uint32_t events, std::uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  return ::epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) == 0;
}

} // namespace

io_thread::io_thread(io_slot slot, const io_shared& shared, accepted on_accept)
    : slot_(slot), shared_(shared), on_accept_(std::move(on_accept)),
      poller_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      bell_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {
  if (!watch(poller_.get(), bell_.get(), EPOLLIN, tag_of(tag_bell, 0)))
    throw std::system_error{errno, std::generic_category(), "epoll_ctl"};
  thread_ = std::thread{[this] { run(); }};
  ::pthread_setname_np(thread_.native_handle(), ("nbd-io-" + std::to_string(slot.value)).c_str());
}

io_thread::~io_thread() {
  stop(instant{});
  join();
  while (completing_.load(std::memory_order_acquire) > 0)
    std::this_thread::yield();
}

void io_thread::adopt(descriptor socket, std::optional<std::string> bound) {
  adopted_.fetch_add(1, std::memory_order_relaxed);
  // A std::function must be copyable, a descriptor is not.
  auto held = std::make_shared<descriptor>(std::move(socket));
  post([this, held, bound = std::move(bound)] { add_connection(std::move(*held), bound); });
}

void io_thread::listen(std::uint64_t id, descriptor socket, std::optional<std::string> bound) {
  auto held = std::make_shared<descriptor>(std::move(socket));
  post([this, id, held, bound = std::move(bound)] {
    watch(poller_.get(), held->get(), EPOLLIN, tag_of(tag_listener, id));
    listeners_.push_back(std::make_unique<listener>(listener{id, std::move(*held), bound, false}));
  });
}

void io_thread::unlisten(std::uint64_t id) {
  std::promise<void> closed;
  post([this, id, &closed] {
    std::erase_if(listeners_, [id](const auto& each) { return each->id == id; });
    closed.set_value();
  });
  closed.get_future().wait();
}

void io_thread::disconnect(const std::string& name) {
  post([this, name] {
    for (auto& each : connections_)
      if (each && each->transmitting() && each->serving()->info().name == name) {
        each->drain();
        queue(*each);
      }
  });
}

void io_thread::complete(ticket to, result<answer> how, owned_bytes data) {
  completing_.fetch_add(1, std::memory_order_relaxed);
  if (inbox_.put(std::make_unique<late_answer>(late_answer{to, how, std::move(data)})))
    wake();
  completing_.fetch_sub(1, std::memory_order_release);
}

void io_thread::stop(instant until) {
  post([this, until] {
    stopping_ = true;
    stop_until_ = until;
    listeners_.clear();
    for (auto& each : connections_)
      if (each) {
        each->drain();
        queue(*each);
      }
  });
}

void io_thread::join() {
  if (thread_.joinable())
    thread_.join();
}

void io_thread::post(std::function<void()> task) {
  {
    const std::lock_guard lock{tasks_lock_};
    tasks_.push_back(std::move(task));
  }
  wake();
}

void io_thread::wake() {
  const std::uint64_t one = 1;
  // It can only fail when the bell rings already.
  [[maybe_unused]] const auto written = ::write(bell_.get(), &one, sizeof one);
}

void io_thread::run() {
  while (!stopping_ || (open() > 0 && shared_.time.now() < stop_until_)) {
    wait_for_work();
    deliver_answers();
    const auto now = shared_.time.now();
    take_turn(now);
    finish_turn();
    look_at_deadlines(now);
  }
  for (auto& each : connections_)
    if (each)
      close(*each);
  finish_turn();
}

void io_thread::wait_for_work() {
  const auto time_ms = poll_time_ms();
  if (asker_ == nullptr || time_ms == 0) {
    poll(time_ms);
    return;
  }
  const auto since = shared_.time.now();
  if (!look_for_work(since))
    poll(time_ms);
  window_.idled(shared_.time.now() - since);
}

/// Looks again and again, while the window lasts. Others that want this core have it first.
bool io_thread::look_for_work(instant since) {
  const auto until = since + window_.length();
  for (int looks = 1; looks < looks_max && shared_.time.now() < until; ++looks) {
    if (asker_->look()) {
      queue(*asker_);
      return true;
    }
    if (inbox_.filled() || (looks % looks_per_poll == 0 && poll(0)))
      return true;
    ::sched_yield();
  }
  return false;
}

/// False: the time passed and nothing happened.
bool io_thread::poll(int time_ms) {
  std::array<epoll_event, events_max> events;
  const auto count = ::epoll_wait(poller_.get(), events.data(), events_max, time_ms);
  for (int i = 0; i < count; ++i)
    note(events[i].data.u64, events[i].events);
  return count > 0;
}

int io_thread::poll_time_ms() const {
  if (!ready_.empty())
    return 0;
  const bool ticking = std::ranges::any_of(served_, [](const served& each) { return each.ticking; });
  if (ticking || !stalled_.empty())
    return tick_ms;
  const bool waiting = std::ranges::any_of(listeners_, [](const auto& each) { return each->waiting; });
  return handshaking_ > 0 || stopping_ || waiting ? deadline_step_ms : -1;
}

void io_thread::note(std::uint64_t tag, std::uint32_t events) {
  const auto index = tag >> 2;
  switch (tag & 3) {
  case tag_bell: {
    std::uint64_t rings = 0;
    [[maybe_unused]] const auto got = ::read(bell_.get(), &rings, sizeof rings);
    run_tasks();
    return;
  }
  case tag_listener:
    for (auto& each : listeners_)
      if (each->id == index)
        return accept_from(*each);
    return;
  default:
    if (connections_[index]) {
      connections_[index]->note_events(events);
      queue(*connections_[index]);
    }
  }
}

void io_thread::run_tasks() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock{tasks_lock_};
    tasks.swap(tasks_);
  }
  for (auto& task : tasks)
    task();
}

void io_thread::deliver_answers() {
  inbox_.take_all([this](late_answer& what) {
    const auto index = what.to.connection;
    if (index >= connections_.size() || !connections_[index] ||
        connections_[index]->generation() != what.to.generation)
      return; // Its connection has gone.
    connections_[index]->note_answer(what);
    queue(*connections_[index]);
  });
}

void io_thread::take_turn(instant now) {
  if (!stalled_.empty() && now >= retry_at_)
    for (auto* which : std::exchange(stalled_, {}))
      queue(*which);
  turn_.swap(ready_);
  asker_ = nullptr;
  for (auto* which : turn_) {
    which->queued = false;
    const bool was_talking = !which->transmitting();
    const auto next = which->pump(batch_);
    if (was_talking && which->transmitting())
      --handshaking_;
    mark_used(*which);
    if (next == connection::next::close)
      close(*which);
    else if (next == connection::next::again)
      queue(*which);
    else if (next == connection::next::retry)
      stall(*which);
    else if (which->transmitting())
      asker_ = which;
  }
  turn_.clear();
}

void io_thread::stall(connection& which) {
  if (stalled_.empty())
    retry_at_ = shared_.time.now() + std::chrono::milliseconds{tick_ms};
  if (std::ranges::find(stalled_, &which) == stalled_.end())
    stalled_.push_back(&which);
}

void io_thread::finish_turn() {
  if (served_.empty())
    return;
  const auto now = shared_.time.now();
  for (auto& each : served_)
    if (std::exchange(each.used, false) || (each.ticking && now >= each.tick_at)) {
      each.ticking = each.what->turn_ended(slot_, now);
      each.tick_at = now + std::chrono::milliseconds{tick_ms};
    }
  std::erase_if(served_, [](const served& each) { return !each.alive && !each.ticking; });
}

void io_thread::mark_used(const connection& which) {
  if (!which.transmitting())
    return;
  for (auto& each : served_)
    if (each.what == which.serving()) {
      each.used = true;
      each.alive = true;
      return;
    }
  served_.push_back({.what = which.serving(), .used = true});
}

void io_thread::accept_from(listener& from) {
  from.waiting = false;
  for (int i = 0; i < accepts_per_turn; ++i) {
    descriptor socket{::accept4(from.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (socket) {
      on_accept_(std::move(socket), from.bound);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED)
      continue;
    from.waiting = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
    return;
  }
}

void io_thread::add_connection(descriptor socket, std::optional<std::string> bound) {
  if (stopping_) {
    count_.connections_closed.add(1);
    return;
  }
  const auto fd = socket.get();
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(connections_.size()));
    connections_.emplace_back();
  }
  const auto index = free_.back();
  free_.pop_back();
  const auto tag = tag_of(tag_connection, index);
  auto& made = connections_[index];
  made = std::make_unique<connection>(
      std::move(socket), poller_.get(), tag, shared_.limits, shared_.names, std::move(bound),
      session_place{.slot = slot_, .connection = index, .generation = ++generation_}, count_, shared_.time);
  ++handshaking_;
  if (!watch(poller_.get(), fd, EPOLLIN | EPOLLRDHUP | EPOLLET, tag))
    return close(*made);
  made->greet(batch_);
  queue(*made);
}

void io_thread::queue(connection& which) {
  if (!std::exchange(which.queued, true))
    ready_.push_back(&which);
}

void io_thread::close(connection& which) {
  std::erase(stalled_, &which);
  std::erase(ready_, &which);
  asker_ = asker_ == &which ? nullptr : asker_;
  if (!which.transmitting()) {
    --handshaking_;
    count_.handshakes_failed.add(1);
  }
  const auto index = which.index();
  const auto what = which.serving();
  connections_[index].reset();
  free_.push_back(index);
  count_.connections_closed.add(1);
  for (auto& each : served_)
    if (each.what == what) {
      each.used = true;
      each.alive = std::ranges::any_of(connections_,
                                       [&](const auto& other) { return other && other->serving() == what; });
    }
}

void io_thread::look_at_deadlines(instant now) {
  if (now < deadlines_looked_at_ + std::chrono::milliseconds{deadline_step_ms})
    return;
  deadlines_looked_at_ = now;
  for (auto& each : listeners_)
    if (each->waiting)
      accept_from(*each);
  if (handshaking_ == 0)
    return;
  for (auto& each : connections_)
    if (each && !each->transmitting() && now >= each->since() + shared_.handshake_time_max)
      close(*each);
}

} // namespace forerun::nbd
