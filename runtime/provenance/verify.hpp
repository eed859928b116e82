#pragma once
#include "runtime/provenance/segment.hpp"

namespace forerun::provenance {

/// Where a log that is being written ends: nothing behind it is looked at. An offset of 0: nor its last
/// segment.
struct log_end {
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;
};

struct verification {
  std::uint32_t segments = 0; ///< Of these, and of the following, only what stands before the fault.
  std::uint64_t blocks = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  sha256_hash head{}; ///< Of the last good link; who kept an earlier head can tell a log that was cut short.
  std::optional<fault> first_fault;
};

/// Reads the whole log of a folder and checks every checksum and every link of the chain. What it finds: any
/// changed bit, removed, moved, repeated or replaced blocks and segments. What nobody can find without having
/// kept a head: blocks that are missing at the very end, and a log that was rewritten from some place on.
/// Errors: `io_failed`, `unsupported`. A fault is no error, it is the answer.
result<verification> verify(disk& from, std::optional<log_end> end = {});

} // namespace forerun::provenance
