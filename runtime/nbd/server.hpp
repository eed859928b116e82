#pragma once
#include "runtime/nbd/counters.hpp"
#include "runtime/nbd/listening.hpp"
#include "runtime/nbd/session.hpp"
#include <mutex>

namespace forerun::nbd {

struct server_options {
  std::uint32_t io_threads = 2;        ///< 1 to 64.
  std::uint32_t connections_max = 256; ///< Clients past it are turned away at once.
  nanos handshake_time_max = std::chrono::seconds{10};
  bool beyond_loopback = false; ///< Allow TCP addresses that other machines reach.
  session_limits session;
};

struct listener_id {
  std::uint64_t value = 0;
  auto operator<=>(const listener_id&) const = default;
};

/// Serves exports over NBD (fixed newstyle) on its own I/O threads. `names` and `time` outlive it; devices
/// may complete tickets until it is destroyed, also after `stop`. Throws std::system_error when the machine
/// has no descriptor or thread left.
class server final : public completions {
public:
  server(exports& names, const clock& time, const server_options& options);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Clients may connect when it returns. With `bound` they see that export only, and the empty name means
  /// it. Errors: those of `listen_on`; `cancelled` after `stop`.
  result<listener_id> add_listener(const address& where, std::optional<std::string> bound = std::nullopt);
  /// Where it listens, with its real port. Errors: `not_found`.
  result<address> where(listener_id which) const;
  /// Stops listening; connections stay. Errors: `not_found`.
  result<void> remove_listener(listener_id which);

  /// Ends the connections that serve this export, each after what it has open; returns at once. The device
  /// hears of the last one by `detached`. New ones are refused by `exports` alone.
  void disconnect(const std::string& name);

  void complete(ticket to, result<answer> how, owned_bytes data) override;

  /// Accepts nothing more, answers what is open, for at most `patience`, and closes. Not on an I/O thread.
  void stop(nanos patience = std::chrono::seconds{5});

  counters count() const;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace forerun::nbd
