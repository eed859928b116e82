#pragma once
#include "runtime/base/address.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace forerun::nbd {

struct client_options {
  bool structured = false;                      ///< Ask for structured replies.
  nanos silence_max = std::chrono::seconds{30}; ///< A server that sends nothing for so long is `timed_out`.
};

/// An NBD client on one blocking socket, for replay, tests and benches. One thread at a time.
///
/// A call of its own (`read`, `write`, …) sends one request and waits for its answer; at queue depth 1 a read
/// is one send and one receive. The pipelined calls (`submit_…`, `reap`) keep many requests open.
///
/// Errors of single requests are the server's word (`io_failed`, `no_space`, `read_only`, `invalid_argument`,
/// `unsupported`, `overloaded`, `unavailable`). After `unavailable` or `timed_out` of the connection, or
/// `corrupt` (the server broke the protocol), `broken()` is true and every further call fails.
class client {
public:
  static constexpr std::size_t requests_open_max = 4096; ///< More are refused with `overloaded`.

  /// Fixed newstyle with GO. Errors: `unavailable`, `timed_out`, `not_found` (no such export), `unsupported`
  /// (the server has no GO), `corrupt`, `permission_denied` (the server's policy).
  static result<client> connect(const address& where, const std::string& name, client_options options = {});

  client(client&& other) noexcept;
  client& operator=(client&&) = delete;
  /// Says goodbye without waiting for answers.
  ~client();

  std::uint64_t bytes() const { return bytes_; }
  std::uint16_t flags() const { return flags_; } ///< `transmission_flag`s.
  bool structured() const { return structured_; }
  bool broken() const { return broken_; }

  result<void> read(std::uint64_t offset, std::span<std::byte> into);
  result<void> write(std::uint64_t offset, std::span<const std::byte> data, bool fua = false);
  result<void> flush();
  result<void> trim(std::uint64_t offset, std::uint32_t length);
  result<void> write_zeroes(std::uint64_t offset, std::uint32_t length, bool keep_space = false);
  result<void> cache(std::uint64_t offset, std::uint32_t length);

  /// Names a submitted request until it is reaped.
  using cookie = std::uint64_t;
  struct reply {
    cookie id = 0;
    result<void> how = success();
  };

  /// Sends a request. `into` is filled when the reply is reaped and must stay until then; `data` is sent
  /// before the call returns. While the socket is full, replies are taken in for a later `reap`.
  result<cookie> submit_read(std::uint64_t offset, std::span<std::byte> into);
  result<cookie> submit_write(std::uint64_t offset, std::span<const std::byte> data, bool fua = false);
  result<cookie> submit_flush();
  result<cookie> submit_trim(std::uint64_t offset, std::uint32_t length);
  result<cookie> submit_write_zeroes(std::uint64_t offset, std::uint32_t length, bool keep_space = false);
  result<cookie> submit_cache(std::uint64_t offset, std::uint32_t length);

  /// Submitted reads are gathered and go out in one send, at the latest with the next `flush_sends` or
  /// `reap`.
  void gather_sends(bool on) { gathering_ = on; }
  result<void> flush_sends();

  /// Requests submitted and not reaped.
  std::size_t open() const { return open_.size() + answered_.size(); }

  /// Waits up to `wait` for the next reply; nothing when none came. Errors are the connection's.
  result<std::optional<reply>> reap(nanos wait);

private:
  struct pending {
    std::span<std::byte> into; ///< Empty for all but reads.
    std::uint64_t offset = 0;
    std::size_t filled = 0; ///< Bytes that structured chunks brought.
    std::optional<errc> failed;
  };

  client(int fd, client_options options);
  result<void> handshake(const std::string& name);
  result<void> negotiate_structured();
  result<void> go(const std::string& name);
  result<void> send_option(std::uint32_t what, std::span<const std::byte> data);
  result<std::uint32_t> option_reply(std::uint32_t what, std::vector<std::byte>& data);

  result<cookie> submit(std::uint16_t type, std::uint16_t flags, std::uint64_t offset, std::uint32_t length,
                        std::span<const std::byte> payload, std::span<std::byte> into);
  result<void> await(result<cookie> submitted);
  result<void> send_all(std::span<const std::byte> head, std::span<const std::byte> payload);
  result<bool> readable(nanos wait) const;
  result<void> fill_direct(pending& only);
  result<void> take_one();
  result<void> take_simple();
  result<void> take_chunk();
  result<void> take_chunk_data(pending& to, std::uint16_t kind, std::uint32_t length);
  result<void> take_error(pending& to, std::uint32_t length);
  result<void> need(std::size_t count);
  result<void> take_into(std::span<std::byte> into);
  result<std::size_t> receive(std::span<std::byte> first);
  result<void> give_up(errc why);

  int fd_ = -1;
  client_options options_;
  std::uint64_t bytes_ = 0;
  std::uint16_t flags_ = 0;
  bool structured_ = false;
  bool broken_ = false;
  bool gathering_ = false;
  cookie next_ = 0;
  std::vector<std::byte> sends_;
  std::vector<std::byte> in_; ///< Received and not yet taken: [in_begin_, in_end_).
  std::size_t in_begin_ = 0;
  std::size_t in_end_ = 0;
  std::unordered_map<cookie, pending> open_;
  std::deque<reply> answered_;
};

} // namespace forerun::nbd
