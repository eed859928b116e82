#pragma once
#include "runtime/control/api.hpp"
#include <functional>
#include <memory>
#include <string>

namespace forerun::control {

struct server_options {
  std::string socket_path;    ///< Absolute; the file gets mode 0600.
  std::string metrics_listen; ///< "tcp:HOST:PORT", port 0 for a free one; empty: no metrics over HTTP.
  /// Told what went wrong inside the server, in one line; called on its thread. May be empty.
  std::function<void(std::string)> log;
};

inline constexpr std::size_t connections_max = 64;      ///< Past it, the one silent for longest is closed.
inline constexpr std::size_t http_connections_max = 32; ///< Past it, a new one is closed.
inline constexpr std::size_t request_bytes_max = 64u << 10;
inline constexpr std::chrono::seconds unread_max{10}; ///< A client that reads nothing for so long is cut off.
inline constexpr std::chrono::seconds http_connection_max{60}; ///< A connection's life, whatever it does.

/// Serves a node's `control_api` on a unix socket (schemas/wire/control.capnp) and its metrics over HTTP, on
/// one thread of its own. What clients do, send or leave unread costs bounded memory and never waits for
/// them.
class control_server {
public:
  /// Listens and begins to serve. `api` must outlive the server. Errors: as of the addresses, with a remedy.
  static std::variant<std::unique_ptr<control_server>, failure> start(server_options options,
                                                                      control_api& api);

  /// As `stop`.
  ~control_server();
  control_server(const control_server&) = delete;
  control_server& operator=(const control_server&) = delete;

  /// Closes every connection, removes the socket file and ends the thread. Answers that come later are
  /// dropped. Not from inside a call of the api.
  void stop();

  /// "http://HOST:PORT/metrics"; empty if metrics are off.
  const std::string& metrics_url() const;

private:
  struct state;
  explicit control_server(std::unique_ptr<state> what);
  std::unique_ptr<state> state_;
};

} // namespace forerun::control
