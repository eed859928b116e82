#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace forerun::nbd {

/// Kinds of request as they are counted: the commands of `command` in their order, then BLOCK_STATUS.
inline constexpr std::size_t request_kinds = 7;

/// What a server has done since it started.
struct counters {
  std::uint64_t connections_open = 0;
  std::uint64_t connections_total = 0;
  std::uint64_t connections_refused = 0; ///< Closed at once: too many were open.
  std::uint64_t handshakes_failed = 0;   ///< Ended before transmission, timed out ones among them.
  std::array<std::uint64_t, request_kinds> requests{};
  std::uint64_t bytes_read = 0;       ///< Asked for by READs that went well.
  std::uint64_t bytes_written = 0;    ///< Of WRITEs that went well.
  std::uint64_t errors = 0;           ///< Answers that were errors of the device.
  std::uint64_t requests_refused = 0; ///< Answered with an error by the server: bad range, rights, flags.
  std::uint64_t stalls = 0;           ///< The device had no room to record a request.
};

/// One I/O thread's share. One thread writes, any reads.
class counter {
public:
  void add(std::uint64_t by) {
    value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

private:
  std::atomic<std::uint64_t> value_{0};
};

struct io_counters {
  std::array<counter, request_kinds> requests;
  counter bytes_read, bytes_written, errors, requests_refused, stalls;
  counter connections_closed, handshakes_failed;
};

} // namespace forerun::nbd
