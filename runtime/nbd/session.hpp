#pragma once
#include "runtime/nbd/counters.hpp"
#include "runtime/nbd/handshake.hpp"
#include "runtime/nbd/replies.hpp"

namespace forerun::nbd {

/// Bounds of one connection.
struct session_limits {
  handshake_limits handshake;
  /// Requests that wait for a later answer; at the limit no further request is looked at.
  /// At least 1, at most 65535.
  std::uint32_t requests_open_max = 128;
  /// Bytes of those; one request is always let through.
  std::uint64_t bytes_open_max = 64u << 20;
};

/// Where a session lives: what its tickets say.
struct session_place {
  io_slot slot;
  std::uint32_t connection = 0;
  std::uint64_t generation = 0;
};

/// One client's dialogue from greeting to farewell as a state machine over bytes: no sockets, no clock, no
/// threads. The connection around it moves the bytes.
class session {
public:
  /// What it takes to go on.
  enum class wait : std::uint8_t {
    input,      ///< `wanted()` bytes in one piece.
    output,     ///< The batch is full: send it, then go on.
    completion, ///< Too much is open.
    retry,      ///< The device stalls: ask again in a millisecond.
    drain,      ///< No more input is taken; over once nothing is open.
    over,       ///< Close now.
  };
  struct progress {
    std::size_t consumed = 0;
    wait on = wait::input;
  };

  /// `names` and `count` outlive this.
  session(const session_limits& limits, exports& names, std::optional<std::string> bound, session_place place,
          io_counters& count);
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  void greet(reply_batch& out);
  /// Takes as many requests as it can off the front of `input`.
  progress take(std::span<const std::byte> input, instant now, reply_batch& out);
  std::size_t wanted() const { return wanted_; }
  /// A later answer has come. An unknown request is ignored.
  void complete(std::uint32_t request_id, const result<answer>& how, owned_bytes data, reply_batch& out);
  /// The batch was handed to the socket layer.
  void sent(const reply_batch& batch, instant now);
  /// No more input is taken.
  void drain() { draining_ = true; }
  /// The connection is gone: what is open counts as failed. Nothing is called after this.
  void abandon(instant now);

  bool idle() const { return open_count_ == 0; }
  bool transmitting() const { return device_ != nullptr; }
  const std::shared_ptr<device>& serving() const { return device_; }

private:
  struct open_request {
    std::uint64_t cookie = 0;
    request what;
    std::uint32_t round = 0; ///< Tells a reuse of the entry from its earlier use.
    bool used = false;
  };

  progress negotiate(std::span<const std::byte> input, reply_batch& out);
  progress transmit(std::span<const std::byte> input, instant now, reply_batch& out);
  void begin_transmission();
  bool start(const wire_request& from, request& what, std::span<const std::byte> payload, reply_batch& out);
  bool has_room_for(const request& what) const;
  void reply(std::uint64_t cookie, const request& what, const result<answer>& how, std::byte* header,
             reply_batch& out);
  void reply_plain(std::uint64_t cookie, wire_error error, reply_batch& out);
  void reply_status(std::uint64_t cookie, const request& what, bool one, reply_batch& out);
  std::size_t encode_plain(std::uint64_t cookie, wire_error error, std::byte* header) const;
  void count_good(const request& what);
  std::uint32_t id_of(std::uint32_t index) const;

  session_limits limits_;
  session_place place_;
  io_counters& count_;
  std::optional<handshake> handshake_;
  agreement agreed_;
  std::shared_ptr<device> device_;
  bool draining_ = false;
  std::size_t wanted_ = 0;
  std::uint64_t skip_ = 0; ///< Payload of a refused WRITE that is still to come.
  std::vector<open_request> open_;
  std::vector<std::uint32_t> free_; ///< Entries of open_ that are not used.
  std::uint32_t open_count_ = 0;
  std::uint64_t open_bytes_ = 0;
};

} // namespace forerun::nbd
