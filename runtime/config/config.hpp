#pragma once
#include "runtime/base/audit.hpp"
#include "runtime/base/time.hpp"
#include "runtime/cache/policy.hpp"
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The node's configuration. docs/configuration.md is its manual; a test holds the two together.
namespace forerun::config {

/// The newest version of the file format that this build reads (the key `format`).
inline constexpr std::int64_t format_newest = 1;
inline constexpr std::size_t text_bytes_max = 1u << 20;
inline constexpr std::size_t volumes_max = 1024;
inline constexpr std::size_t listen_max = 16;
inline constexpr std::size_t diagnostics_max = 100; ///< Later ones are not reported.

enum class log_level : std::uint8_t { error, warn, info, debug };

struct nbd_config {
  std::uint32_t io_threads = 2;
  std::uint32_t connections_max = 256;
  std::uint64_t inflight_bytes_max = 64u << 20; ///< Of all connections.
  std::vector<std::string> listen;              ///< Beside nbd_socket: "unix:PATH" or "tcp:HOST:PORT".
  bool insecure = false;                        ///< Addresses that are not loopback are allowed.
};

struct memory_config {
  std::uint64_t pool_bytes = 64u << 20;
  cache::policy_kind policy = cache::policy_kind::s3_fifo;
};

struct disk_config {
  std::uint64_t cache_bytes = 10ull << 30;
  cache::policy_kind policy = cache::policy_kind::s3_fifo;
  std::uint64_t overlay_bytes = 100ull << 30; ///< Of each volume.
};

struct prefetch_config {
  bool enabled = true;
  double bandwidth_share =
      1; ///< Of the measured bandwidth of an origin; 1: only demand comes before prefetch.
  double threshold_min = 0.05; ///< Least probability worth a fetch, when there is nothing better to do.
  double threshold_max = 0.95;
  double traffic_cap = 1.3; ///< Bytes fetched over distinct bytes read.
  nanos waste_horizon = std::chrono::seconds{600};
};

struct origin_config {
  nanos timeout = std::chrono::seconds{10}; ///< Of one attempt.
  std::uint32_t retries = 4;
};

struct provenance_config {
  bool enabled = true;
  audit_policy audit = audit_policy::relaxed;    ///< Of volumes that do not say.
  std::uint64_t keep_bytes = 0;                  ///< Of the log; 0: all.
  nanos keep_age{0};                             ///< 0: for ever.
  nanos anchor_every = std::chrono::minutes{10}; ///< 0: never.
  std::string key;                               ///< Path of the secret key that signs summaries and anchors.
};

struct volume_config {
  std::string name;
  std::string image; ///< URL; empty: the volume is empty.
  std::optional<std::uint64_t> bytes;
  std::string program;
  std::vector<std::string> listen;
  bool read_only = false;
  audit_policy audit = audit_policy::unset;
};

struct node_config {
  std::string data_dir;       ///< Absolute.
  std::string control_socket; ///< Path.
  std::string nbd_socket;     ///< Path; serves all volumes by export name.
  nbd_config nbd;
  memory_config memory;
  disk_config disk;
  prefetch_config prefetch;
  origin_config origin;
  provenance_config provenance;
  std::string metrics_listen = "tcp:127.0.0.1:0"; ///< Port 0: a free one. Empty: off.
  log_level log = log_level::info;
  std::vector<volume_config> volumes;
};

/// Something in the file that cannot be taken, and what to do about it. Lines and columns count from 1; 0
/// means the file as a whole.
struct diagnostic {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string what;
  std::string remedy;

  /// "node.toml:3:1: unknown key "pol" in [memory]; did you mean "pool"?"
  std::string text() const;
};

/// Where the user's own folders are. An empty member is an unset variable.
struct environment {
  std::string home;       ///< HOME
  std::string state_home; ///< XDG_STATE_HOME
};
environment process_environment();

/// $XDG_STATE_HOME/forerun, or $HOME/.local/state/forerun, or /var/lib/forerun without either.
std::string default_data_dir(const environment& env);

/// What a node does that nobody configured.
node_config default_config(const environment& env);

/// Reads a configuration, or says everything that is wrong with it. `file` is for the messages.
std::variant<node_config, std::vector<diagnostic>> load_config(std::string_view text, const std::string& file,
                                                               const environment& env);

/// Every key that `load_config` knows, as "section.name", in the order of the manual.
std::vector<std::string> known_keys();

} // namespace forerun::config
