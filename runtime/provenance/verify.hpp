#pragma once
#include "runtime/provenance/summary.hpp"
#include <functional>

namespace forerun::provenance {

/// Where a log that is being written ends: nothing behind it is looked at. An offset of 0: nor its last
/// segment.
struct log_end {
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;
};

/// What a check is held against beside the files themselves.
struct expectation {
  std::optional<ed25519_key> key; ///< Who signed; none: whoever the first signature names, and nobody else.
  std::optional<std::size_t> anchors; ///< So many have to be there; none: the last may be unfinished.
};

struct verification {
  std::uint32_t segments = 0; ///< Of these, and of the following, only what stands before the fault.
  std::uint64_t blocks = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  sha256_hash head{}; ///< Of the last good link; who kept an earlier head can tell a log that was cut short.
  std::optional<dropped_totals> dropped; ///< Nothing: no segment was ever dropped.
  std::uint32_t anchors = 0;             ///< The chain passes through so many.
  std::optional<wall_time> last_anchor;  ///< When the last of these was made.
  std::optional<ed25519_key> key;        ///< Who signed; nothing if nobody did and no key was given.
  std::optional<fault> first_fault;
};

/// Reads the whole log of a folder and checks every checksum, every link of the chain, the summary that it
/// begins with if segments were dropped, and the anchors it has to pass through. What it finds: any changed
/// bit, removed, moved, repeated or replaced blocks and segments; and, up to the last anchor, a log that was
/// rewritten or cut short by somebody without the key. What nobody can find without having kept a head or an
/// anchor: blocks that are missing behind the last anchor, and a rewritten log from which anchors were
/// removed. It sees what the system shows: what that has in memory is not read from the device again. Errors:
/// `io_failed`, `unsupported`, `cancelled` (not wanted any more). A fault is no error, it is the answer.
result<verification> verify(disk& from, std::optional<log_end> end = {}, const expectation& held_to = {},
                            const still_wanted& wanted = {});

} // namespace forerun::provenance
