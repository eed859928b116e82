#pragma once
#include "runtime/base/access.hpp"
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace forerun {

/// Fast checksum against accidents (XXH3, 64 bits); not against attackers.
std::uint64_t checksum(std::span<const std::byte> data);

using sha256_hash = std::array<std::uint8_t, 32>;

/// SHA-256, for the provenance chain.
sha256_hash sha256(std::span<const std::byte> data);

/// The first 16 bytes of SHA-256: what a record keeps of a written value.
digest digest_of(std::span<const std::byte> data);

/// The number of an element that is known by its name (a key, a resource, a program): XXH3 of the name,
/// without its lowest two bits, so that ranges of elements cannot wrap around.
std::uint64_t element_of(std::string_view name);

/// A hash as people see it: two digits for each byte, small letters.
std::string hex(std::span<const std::uint8_t> hash);

} // namespace forerun
