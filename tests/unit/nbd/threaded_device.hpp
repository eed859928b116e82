#pragma once
#include "tests/unit/nbd/memory_device.hpp"
#include <condition_variable>
#include <deque>
#include <thread>

namespace forerun::nbd {

/// A device in memory that answers some requests later, from a thread of its own, out of order.
class threaded_device final : public memory_device {
public:
  /// One request in `later_every` is answered later; with `stall_every`, one call in so many is not taken.
  threaded_device(export_info about, unsigned later_every, unsigned stall_every = 0)
      : memory_device(std::move(about)), later_every_(later_every), stall_every_(stall_every),
        worker_([this] { run(); }) {}
  ~threaded_device() override {
    {
      const std::lock_guard lock{lock_};
      ended_ = true;
    }
    bell_.notify_all();
    worker_.join();
  }

  /// Before the first request.
  void answer_to(completions& there) { there_ = &there; }
  /// Leaves later answers undone while set.
  void hold(bool on) {
    {
      const std::lock_guard lock{lock_};
      held_ = on;
    }
    bell_.notify_all();
  }
  std::size_t waiting() {
    const std::lock_guard lock{lock_};
    return work_.size();
  }

  started start(io_slot slot, const request& what, std::span<const std::byte> payload, gather& out,
                ticket later) override {
    const auto number = ++calls_;
    if (stall_every_ > 0 && number % stall_every_ == 0)
      return {.what = verdict::stalled, .error = {}, .how = {}};
    // Two connections may touch the same bytes; the device orders them.
    const std::lock_guard data_lock{data_lock_};
    if (number % later_every_ != 0) {
      if (what.kind != command::read)
        return memory_device::start(slot, what, payload, out, later);
      ++started_count;
      std::ranges::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(what.offset), what.length,
                          out.scratch(what.length).begin());
      return {.what = verdict::done, .error = {}, .how = {.how = outcome::hit}};
    }
    ++started_count;
    {
      const std::lock_guard lock{lock_};
      work_.push_back({later, what, {payload.begin(), payload.end()}});
    }
    bell_.notify_all();
    return {.what = verdict::pending, .error = {}, .how = {}};
  }

  std::vector<status_range> block_status(std::uint64_t offset, std::uint64_t length,
                                         std::size_t ranges_max) override {
    const std::lock_guard data_lock{data_lock_};
    return memory_device::block_status(offset, length, ranges_max);
  }

private:
  struct job {
    ticket to;
    request what;
    std::vector<std::byte> payload;
  };

  void run() {
    std::unique_lock lock{lock_};
    for (;;) {
      bell_.wait(lock, [this] { return ended_ || (!held_ && !work_.empty()); });
      if (ended_)
        return;
      // The last comes first, so that answers overtake one another.
      auto now = std::move(work_.back());
      work_.pop_back();
      lock.unlock();
      finish(now);
      lock.lock();
    }
  }
  void finish(job& now) {
    owned_bytes data;
    {
      const std::lock_guard data_lock{data_lock_};
      const auto at = bytes_.begin() + static_cast<std::ptrdiff_t>(now.what.offset);
      if (now.what.kind == command::read)
        data = std::make_shared<const std::vector<std::byte>>(at, at + now.what.length);
      else if (now.what.kind == command::write)
        std::ranges::copy(now.payload, at);
      else if (now.what.kind == command::trim || now.what.kind == command::write_zeroes)
        std::fill_n(at, now.what.length, std::byte{});
    }
    there_.load()->complete(now.to, answer{.how = outcome::miss, .first_use_blocks = 0, .written = {}}, data);
  }

  unsigned later_every_;
  unsigned stall_every_;
  std::atomic<unsigned> calls_{0};
  std::atomic<completions*> there_{nullptr};
  std::mutex data_lock_;
  std::mutex lock_;
  std::condition_variable bell_;
  std::deque<job> work_;
  bool held_ = false;
  bool ended_ = false;
  std::thread worker_;
};

} // namespace forerun::nbd
