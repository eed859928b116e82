#pragma once
#include "runtime/base/extent.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/base/time.hpp"
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace forerun {

/// What was done to the element. The first four by a program, the others by forerun itself.
enum class operation : std::uint8_t {
  read = 0,
  write = 1,
  remove = 2,
  execute = 3,
  prefetch = 4, ///< It was fetched before anybody asked for it.
  evict = 5,    ///< It left a cache.
  allocate = 6, ///< It came into being; the value, if any, is its name.
  release = 7,  ///< It ceased to be.
};

/// How a read found its data. All else has `none`, or `failed`.
enum class outcome : std::uint8_t {
  none = 0,
  hit = 1,    ///< Every block was local (memory, disk, overlay, or known to be zero).
  late = 2,   ///< A block was already on its way because of a prefetch.
  miss = 3,   ///< A block had to be fetched on demand.
  failed = 4, ///< The request ended in an error.
};

/// Short names, as people read them.
std::string_view to_string(operation op);
std::string_view to_string(outcome how);
std::string_view to_string(element_kind kind);

inline constexpr auto operation_last = operation::release;
inline constexpr auto element_kind_last = element_kind::image_block;

/// The first 16 bytes of the SHA-256 of what was written; all zero: not recorded.
using digest = std::array<std::uint8_t, 16>;

/// One observed touch of a volume's blocks: the access record of the whole system.
struct access {
  wall_time at{};          ///< When the request arrived.
  instant arrived{};       ///< The same on the monotonic clock.
  nanos latency{0};        ///< From arrival to answer.
  nanos think{0};          ///< From the last answer on this volume to this arrival; 0 if others were open.
  extent where{};          ///< The blocks it touched.
  std::uint32_t bytes = 0; ///< Length of the request.
  operation op = operation::read;
  outcome how = outcome::none;
  std::uint32_t first_use_blocks =
      0;            ///< Of its blocks: so many were prefetched and are now read for the first time.
  digest written{}; ///< Of the data, for writes.

  bool operator==(const access&) const = default;
};

/// A read that found all of it local, and nothing of it prefetched for a first use: nobody waits to hear of
/// it.
inline bool is_repetition(const access& entry) {
  return entry.op == operation::read && entry.how == outcome::hit && entry.first_use_blocks == 0;
}

/// Accesses of one volume, in order of arrival on one I/O thread. At most `access_batch_max`.
struct access_batch {
  volume_id volume{};
  image_id image{}; ///< What the volume is on; 0: nothing.
  run_id run{};
  std::vector<access> entries;
};

inline constexpr std::size_t access_batch_max = 16384;

} // namespace forerun
