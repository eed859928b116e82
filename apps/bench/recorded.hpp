#pragma once
#include "runtime/base/access.hpp"
#include "runtime/trace/trace.hpp"
#include <vector>

namespace forerun::bench {

/// The accesses of a recording, to be appended over and over.
struct recorded {
  std::vector<access_batch> batches;
  std::int64_t span_ns = 0; ///< From the first request to the last.
};

/// Batches as the data path makes them: of one volume, at most `access_batch_max`. Recordings have no
/// latencies: they are drawn at random, 19 of 20 are 5 to 40 us, the others about 10 ms. So are the digests
/// of writes.
recorded batches_of(const trace::boot_trace& recording);

} // namespace forerun::bench
