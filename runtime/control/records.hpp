#pragma once
#include "runtime/provenance/subscription.hpp"
#include <string>

namespace forerun::control {

template <class T> class reply;

inline constexpr std::size_t record_rows_max = 1024; ///< Of one batch.
static_assert(record_rows_max <= provenance::batch_rows_max);
/// `next` of a stream that follows the log answers with an empty batch when nothing came for so long.
inline constexpr std::chrono::seconds record_wait{5};
/// As the first position: the end of the log as it is when the question arrives.
inline constexpr std::uint64_t position_newest = ~std::uint64_t{0};

/// Which records of the log are wanted.
struct record_question {
  provenance::filter wanted; ///< But for `records_max`, which does not count.
  std::string volume;        ///< Its name, instead of kind and space; empty: as the filter says.
  bool follow = false;       ///< Goes on with what comes, instead of ending where the log ends now.
  bool all = false;          ///< However slow the reader is, it gets everything.
};

/// A piece of a stream, or of `last_records` newest first.
using record_batch = provenance::batch;

/// Records, asked for batch by batch. Ends when it is destroyed. Any thread, one open call at a time.
class record_stream {
public:
  virtual ~record_stream() = default;
  /// At most `max` rows, itself 1 to `record_rows_max`. Errors: `busy` (a call is open), `io_failed`,
  /// `unavailable`: the stream is of no use any more; a new one goes on from the last `next_position`.
  virtual void next(std::uint32_t max, reply<record_batch> to) = 0;
};

} // namespace forerun::control
