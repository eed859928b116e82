#pragma once
#include "runtime/base/hash.hpp"
#include <utility>

namespace forerun {

/// The SHA-256 of two messages at once. Where the CPU has instructions for it, each of them waits for the one
/// before; those of another message fill the gaps, so that both take little longer than one.
std::pair<sha256_hash, sha256_hash> sha256_pair(std::span<const std::byte> a, std::span<const std::byte> b);

} // namespace forerun
