#pragma once
#include "runtime/base/access.hpp"
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace forerun {

/// Fast checksum against accidents (XXH3, 64 bits); not against attackers.
std::uint64_t checksum(std::span<const std::byte> data);

using sha256_hash = std::array<std::uint8_t, 32>;

/// SHA-256, for the provenance chain.
sha256_hash sha256(std::span<const std::byte> data);

/// The first 16 bytes of SHA-256: what a record keeps of a written value.
digest digest_of(std::span<const std::byte> data);

} // namespace forerun
