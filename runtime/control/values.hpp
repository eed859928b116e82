#pragma once
#include "runtime/base/access.hpp"
#include "runtime/base/audit.hpp"
#include "runtime/base/prediction.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What the node tells, and is told, over its control socket: plain values, no transport in them.
/// Sizes are bytes unless a name says otherwise; counters run from the start of the node.
namespace forerun::control {

inline constexpr std::size_t heat_rows_max = 4096;
inline constexpr std::size_t prediction_rows_max = 4096;
inline constexpr std::size_t calibration_bins_max = 64;
inline constexpr std::size_t file_rows_max = 1024;
inline constexpr std::size_t history_rows_max = 1024;
inline constexpr std::size_t volumes_max = 1024; ///< Rows of a listing; more are cut off.
inline constexpr std::size_t actors_max = 4096;  ///< Rows of a listing; more are cut off.

/// Why a call was refused or failed, in words for a person. `remedy` may be empty.
struct failure {
  errc code = errc::unavailable;
  std::string what;
  std::string remedy;
  bool operator==(const failure&) const = default;
};

/// The answer of a call that has nothing to tell.
struct done {
  bool operator==(const done&) const = default;
};

struct prefetch_status {
  bool enabled = true;
  std::uint64_t queue_depth = 0; ///< Plans that wait.
  std::uint64_t in_flight_bytes = 0;
  std::uint64_t window_bytes = 0;           ///< Prefetch may have so much in flight.
  std::uint64_t bandwidth_bytes_second = 0; ///< As measured at the origin; 0: not yet known.
  nanos delay{0};                           ///< As measured at the origin; 0: not yet known.
  double threshold = 0;                     ///< Predictions below this probability are left alone.
};

struct provenance_status {
  bool enabled = true;
  bool strict = false; ///< audit = "strict" is the default of its volumes.
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;   ///< On disk.
  std::uint64_t dropped = 0; ///< Records that a full ring lost.
  std::string head_hash;     ///< Of the chain, in hex; empty while the log is empty.
  std::string public_key;    ///< Who signs summaries and anchors, in hex; empty: nobody.
};

struct node_status {
  std::string version;
  nanos uptime{0};
  std::string data_dir;
  std::uint64_t pool_used_bytes = 0;
  std::uint64_t pool_limit_bytes = 0;
  std::uint64_t disk_used_bytes = 0; ///< Clean image blocks on local disk.
  std::uint64_t disk_limit_bytes = 0;
  std::uint64_t overlay_bytes = 0; ///< Of all volumes.
  std::uint32_t volumes = 0;
  std::uint32_t connections = 0; ///< NBD clients.
  prefetch_status prefetch;
  provenance_status provenance;
  std::string metrics_url;                ///< Empty: metrics are off. The control server fills this in.
  std::vector<std::string> nbd_addresses; ///< "unix:PATH" or "tcp:HOST:PORT".
};

struct actor_row {
  std::string name; ///< e.g. "forerun.volume".
  std::uint64_t id = 0;
  std::string state; ///< "running", "restarting" or "stopped".
  std::uint32_t restarts = 0;
  std::uint64_t mailbox = 0; ///< Messages that wait.
  std::uint64_t processed = 0;
  std::string last_error; ///< Empty: it never failed.
};

struct volume_counters {
  std::uint64_t reads = 0; ///< Requests.
  std::uint64_t writes = 0;
  std::uint64_t hits = 0; ///< Read requests, as are late and misses.
  std::uint64_t late = 0;
  std::uint64_t misses = 0;
  std::uint64_t prefetched_blocks = 0;
  std::uint64_t used_blocks = 0;  ///< Prefetched, then read.
  std::uint64_t waste_blocks = 0; ///< Prefetched, then evicted, overwritten or overdue.
  double stall_seconds = 0;
  std::uint64_t origin_bytes = 0;
  std::uint64_t distinct_read_bytes = 0;
  std::uint64_t missed_blocks = 0; ///< Of the image: fetched while a read waited.
  double accuracy = 0;             ///< 0..1.
  double coverage = 0;             ///< 0..1.
};

struct volume_row {
  std::string name;
  std::uint64_t bytes = 0;
  std::string image; ///< URL; empty: reads as zeroes where never written.
  std::string program;
  std::string user;
  bool read_only = false;
  std::uint32_t connections = 0;
  std::uint64_t run = 0; ///< The run that is open; 0: none.
  std::uint64_t overlay_bytes = 0;
  std::vector<std::string> addresses; ///< Where it is served: "unix:PATH" or "tcp:HOST:PORT".
  volume_counters counters;
  audit_policy audit = audit_policy::unset; ///< As it is in force; unset: nothing is recorded.
};

/// How a volume is to be made.
struct volume_spec {
  std::string name;
  std::string image;                  ///< URL; may be empty if a size is given.
  std::optional<std::uint64_t> bytes; ///< Of an empty volume, or a larger one than its image.
  std::string program;                ///< Empty: the node takes the image's name.
  std::string listen;                 ///< "unix:PATH" or "tcp:HOST:PORT"; empty: the default listener only.
  bool read_only = false;
  audit_policy audit = audit_policy::unset; ///< Unset: the node's default.
  bool operator==(const volume_spec&) const = default;
};

/// How an NBD client reaches a volume.
struct export_place {
  std::string name;                   ///< The export name to ask for.
  std::vector<std::string> addresses; ///< "unix:PATH" or "tcp:HOST:PORT".
  std::vector<std::string> uris;      ///< "nbd+unix:///NAME?socket=PATH" or "nbd://HOST:PORT/NAME".
};

struct cache_dropped {
  std::uint64_t pool_bytes = 0;
  std::uint64_t disk_bytes = 0;
};

/// One region of a volume's heat map.
struct heat_row {
  std::uint64_t first_block = 0;
  std::uint64_t block_count = 0;
  double probability = 0; ///< 0..1: of a block of it being read in a run.
  double resident = 0;    ///< 0..1: share of its blocks that is local.
  std::uint64_t reads = 0;
  bool operator==(const heat_row&) const = default;
};

struct heat_map {
  std::string volume;
  std::uint64_t blocks = 0;   ///< Of the volume.
  std::vector<heat_row> rows; ///< In order of first_block, at most `heat_rows_max`.
};

/// Of what was said to have about this probability.
struct calibration_bin {
  double said = 0;      ///< Mean, 0 to 1.
  double came_true = 0; ///< Share.
  double count = 0;     ///< Faded.
  bool operator==(const calibration_bin&) const = default;
};

/// How true the probabilities of one source have been, on one image. Shares and errors fade.
struct prediction_row {
  std::string image;
  std::string source; ///< An expert, "together" for all of the mix, or "first boot".
  std::uint64_t proposed = 0;
  std::uint64_t came_true = 0; ///< Of the proposed ones.
  std::uint64_t moved = 0;
  std::uint64_t used = 0; ///< Of the moved ones.
  double error = 0; ///< Expected calibration error over the proposed ones; means nothing unless `judged`.
  double error_moved = 0;
  double brier = 0;
  double log_loss = 0;
  bool judged = false;
  std::uint64_t drifts = 0; ///< Of "together": so often what was learned faded.
  std::vector<calibration_bin>
      bins; ///< Over the proposed ones, at most `calibration_bins_max`; no empty ones.
  bool operator==(const prediction_row&) const = default;
};

/// What is expected of one file.
struct file_heat_row {
  std::string path;
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0; ///< Of the image that hold its content.
  double probability = 0;   ///< 0..1: of a block of it being read in a run.
  double resident = 0;      ///< 0..1: share of its blocks that is local.
  bool operator==(const file_heat_row&) const = default;
};

struct file_heat_map {
  std::string volume;
  std::uint64_t files = 0;         ///< Of the image, that have content.
  std::vector<file_heat_row> rows; ///< The hottest first, at most `file_rows_max`; none that nobody expects.
};

/// Where a block is now.
enum class block_place : std::uint8_t { absent = 0, in_flight, memory, disk, overlay, zero };

/// What became of a prefetched block. Evicted, overwritten and overdue are waste.
enum class settlement : std::uint8_t {
  never_prefetched = 0,
  pending, ///< Here or on its way, and not read yet.
  hit,     ///< The first read found it local.
  late,    ///< The first read found it in flight.
  evicted,
  overwritten,
  overdue, ///< Older than the waste horizon without a read.
  failed,  ///< The origin did not deliver.
};

/// Why a block is where it is. All that follows `settled` means nothing if it was never prefetched.
struct why_row {
  std::string volume;
  std::uint64_t block = 0;
  block_place place = block_place::absent;
  settlement settled = settlement::never_prefetched;
  expert by = expert::none;
  std::string detail; ///< In words, e.g. "run group 3, 41 % of the way".
  prefetch_tier tier = prefetch_tier::predictive;
  double probability = 0;
  nanos planned_ago{0};
  nanos expected_after{0};         ///< From the plan to the time at which the read was expected.
  std::optional<nanos> read_after; ///< From the plan to the first read; none: not read (yet).
};

/// One record of the provenance log.
struct history_row {
  wall_time at{};
  std::string vm;
  std::string program;
  std::string user;
  std::uint64_t run = 0;
  operation op = operation::read;
  std::uint64_t first_block = 0;
  std::uint32_t block_count = 0;
  std::uint32_t bytes = 0;
  outcome how = outcome::none;
  nanos latency{0};
  std::string digest;         ///< Of what was written, in hex; empty: none kept.
  std::uint64_t position = 0; ///< The record's number in the log, from 0.
};

/// What checking the provenance chain found.
struct verify_report {
  bool intact = false;
  std::uint64_t segments = 0;
  std::uint64_t blocks = 0;
  std::uint64_t records = 0;
  std::string head_hash;              ///< In hex.
  std::string damage;                 ///< If not intact: what, and in which segment and offset.
  std::uint32_t dropped_segments = 0; ///< By retention, ever; the check begins behind them.
  std::uint32_t dropped_damaged = 0;  ///< Of these, what did not hold when it was dropped.
  std::uint64_t dropped_records = 0;
  std::uint64_t dropped_bytes = 0;
  wall_time dropped_until{}; ///< The latest of these records.
  std::uint32_t anchors = 0; ///< The chain passes through so many signed heads.
  wall_time last_anchor{};   ///< When the last of these was signed; 0: there is none.
  std::string public_key;    ///< Of who signed, in hex; empty: nobody.
};

struct run_info {
  std::string volume;
  std::string program;
  std::uint64_t run = 0;
};

/// Short names, as the command line and its JSON print them.
std::string_view to_string(block_place place);
std::string_view to_string(settlement settled);
std::string_view to_string(expert by);
std::string_view to_string(prefetch_tier tier);

} // namespace forerun::control
