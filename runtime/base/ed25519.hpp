#pragma once
#include "runtime/base/result.hpp"
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

/// Signatures by Ed25519 (RFC 8032): 32 secret bytes sign, and whoever has the 32 public ones can check.
namespace forerun {

using ed25519_seed = std::array<std::uint8_t, 32>; ///< The secret key; to be drawn at random.
using ed25519_key = std::array<std::uint8_t, 32>;  ///< The public key.
using ed25519_signature = std::array<std::uint8_t, 64>;

/// Errors: `unsupported` (the machine's OpenSSL does without Ed25519).
result<ed25519_key> ed25519_public(const ed25519_seed& secret);
result<ed25519_signature> ed25519_sign(const ed25519_seed& secret, std::span<const std::byte> message);
bool ed25519_holds(const ed25519_key& key, std::span<const std::byte> message,
                   const ed25519_signature& signature);

/// A key as people write it down: 64 hexadecimal digits, in either case.
std::optional<ed25519_key> parse_ed25519_key(std::string_view text);

} // namespace forerun
