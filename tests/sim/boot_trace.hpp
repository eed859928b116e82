#pragma once
#include "runtime/base/extent.hpp"
#include "runtime/base/time.hpp"
#include <optional>
#include <string>
#include <vector>

namespace forerun::boot_sim {

/// Reads that a guest issues together, after it has thought for a while with nothing open.
struct boot_step {
  nanos think{0};
  std::vector<extent> reads;
};

/// How the time of a recording is read.
struct pacing {
  double speed = 10;                            ///< Think time is divided by it.
  nanos gap_min = std::chrono::milliseconds{2}; ///< A longer gap is think time, a shorter one is none.
};

/// What a guest whose reads overlap little is played with.
inline constexpr nanos serial_gap = std::chrono::microseconds{150};

/// Reads a recording (gzip, one header line, ts_us,volume,op,offset_bytes,length_bytes) as the replay does: a
/// gap is think time that begins when all earlier reads are answered. Writes only take part in the gaps.
/// Nothing if the file cannot be read.
std::optional<std::vector<boot_step>> read_boot(const std::string& path, const pacing& how);

} // namespace forerun::boot_sim
