#include "runtime/base/hash.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <openssl/sha.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace forerun {

std::uint64_t checksum(std::span<const std::byte> data) {
  return XXH3_64bits(data.data(), data.size());
}

sha256_hash sha256(std::span<const std::byte> data) {
  sha256_hash hash;
  SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), hash.data());
  return hash;
}

digest digest_of(std::span<const std::byte> data) {
  const auto hash = sha256(data);
  digest out;
  std::copy_n(hash.begin(), out.size(), out.begin());
  return out;
}

std::uint64_t element_of(std::string_view name) {
  return checksum(std::as_bytes(std::span{name})) >> 2;
}

std::string hex(std::span<const std::uint8_t> hash) {
  std::string text;
  for (const auto byte : hash)
    text += fmt::format("{:02x}", byte);
  return text;
}

} // namespace forerun
