#pragma once
#include "runtime/nbd/client.hpp"
#include "runtime/replay/expected.hpp"
#include "runtime/trace/trace.hpp"
#include <functional>
#include <optional>
#include <string>

namespace forerun::replay {

/// How far a replay is.
struct progress {
  std::size_t entries_done = 0;
  std::size_t entries = 0;
  nanos wall{0};
  nanos think{0};
  nanos stall{0};
  std::uint64_t reads = 0;
  std::uint64_t reads_waited = 0;
  std::uint64_t read_bytes = 0;
};

struct replay_options {
  double speed = 10;   ///< Think times are divided by this; above 0.
  bool serial = false; ///< A guest that hardly overlaps its reads: gaps over 150 microseconds are think time.
  std::uint16_t volume = 0; ///< Which of the recording's volumes.
  block_content content;    ///< The image's content; null: nothing but the replay's own writes is verified.
  std::uint64_t write_seed = 0x77726974; ///< Of the patterns that are written.
  /// Called every `progress_every` at most, on the replay's thread; it returns false to end with `cancelled`.
  std::function<bool(const progress&)> on_progress;
  nanos progress_every = std::chrono::milliseconds{100};
};

struct replay_report {
  nanos wall{0};     ///< From the first request to the last answer.
  nanos think{0};    ///< The recording's think times, scaled.
  nanos wait{0};     ///< wall - think: what the guest waited for its disk.
  nanos stall{0};    ///< Time in which at least one read was open.
  nanos read_p50{0}; ///< Latency of reads.
  nanos read_p99{0};
  nanos read_max{0};
  std::uint64_t reads = 0;
  std::uint64_t reads_waited = 0;   ///< Those that took longer than `waited_min`.
  std::uint64_t read_bytes = 0;     ///< Sum of the reads' lengths.
  std::uint64_t distinct_bytes = 0; ///< 4096 x different blocks that reads touched.
  std::uint64_t distinct_image_bytes =
      0; ///< The same without blocks that the replay had written whole before.
  std::uint64_t writes = 0;
  std::uint64_t write_bytes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t others =
      0; ///< Trims and zeroes; those the export does not support are left out and counted here.
  std::uint64_t failed = 0; ///< Requests that the server answered with an error.
  verified contents;
};

inline constexpr nanos gap_think = std::chrono::milliseconds{2};
inline constexpr nanos gap_think_serial = std::chrono::microseconds{150};
inline constexpr nanos waited_min = std::chrono::milliseconds{1};
inline constexpr std::size_t requests_open_max = 1024;
inline constexpr std::size_t bytes_open_max = 64u << 20;

/// Replays a recording as a guest would: a gap in the recording of more than `gap_think` is think time, which
/// begins when all earlier reads are answered and is divided by `speed`; with shorter gaps requests are
/// issued together, in the recorded order, pipelined on the one connection (at most `requests_open_max` and
/// `bytes_open_max` open; at a bound the next waits for an answer). Requests are widened to whole sectors.
/// A request that overlaps an open one, of which either changes data, waits for that.
///
/// Every read is verified block by block, in think time as far as it goes, so that it does not count as wait.
///
/// Errors: `out_of_range` when the recording needs more than the export has, `read_only` when it writes and
/// the export does not allow that, `invalid_argument` for bad options, `cancelled`, and those of a broken
/// connection.
result<replay_report> run(nbd::client& over, const trace::boot_trace& recording,
                          const replay_options& options);

} // namespace forerun::replay
