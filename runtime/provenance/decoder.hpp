#pragma once
#include "runtime/provenance/format.hpp"
#include "runtime/provenance/record.hpp"
#include <vector>

namespace forerun::provenance {

/// A block in memory. The record at i has the context `contexts[context_of[i]]`.
struct decoded_block {
  std::vector<context> contexts;
  std::vector<record> records;
  std::vector<std::uint32_t> context_of;

  std::vector<std::uint64_t> scratch;  ///< Memory of the decoder, kept for the next block.
  std::vector<std::uint64_t> last_end; ///< The same.
  std::vector<std::uint32_t> wanted;   ///< The same.
};

/// Decodes the payload of a block whose checksums hold; the bytes may still be hostile. Reuses the memory of
/// `out`, which needs at most about 130 bytes for each record of the header, and for each context its names.
/// Errors: `corrupt`; `out` is then meaningless.
result<void> decode(const block_header& header, std::span<const std::byte> payload, decoded_block& out);

/// The same, but only for records of the contexts whose index is set (none are given: of all), that touch
/// elements `first` to `last`. Cheaper, and what is not wanted may be checked less.
result<void> decode_touching(const block_header& header, std::span<const std::byte> payload,
                             const std::vector<bool>& contexts, std::uint64_t first, std::uint64_t last,
                             decoded_block& out);

/// Only the contexts, to find out cheaply whether a block can hold what is sought. The rest is not checked.
result<void> decode_contexts(const block_header& header, std::span<const std::byte> payload,
                             std::vector<context>& out);

} // namespace forerun::provenance
