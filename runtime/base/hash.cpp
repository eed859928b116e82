#include "runtime/base/hash.hpp"
#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <openssl/evp.h>
#if defined(__x86_64__)
#include <xxh_x86dispatch.h> // XXH3 with the widest vectors that the machine has.
#else
#define XXH_INLINE_ALL
#include <xxhash.h>
#endif

namespace forerun {
namespace {

/// OpenSSL looks an algorithm up by its name whenever it begins without a context; that takes longer than
/// hashing a small block.
class sha256_context {
public:
  sha256_context() : context_(EVP_MD_CTX_new()) {
    require(context_ != nullptr && EVP_DigestInit_ex2(context_, EVP_sha256(), nullptr) == 1);
  }
  sha256_context(const sha256_context&) = delete;
  sha256_context& operator=(const sha256_context&) = delete;
  ~sha256_context() { EVP_MD_CTX_free(context_); }

  sha256_hash of(std::span<const std::byte> data) {
    sha256_hash hash;
    require(EVP_DigestInit_ex2(context_, nullptr, nullptr) == 1 &&
            EVP_DigestUpdate(context_, data.data(), data.size()) == 1 &&
            EVP_DigestFinal_ex(context_, hash.data(), nullptr) == 1);
    return hash;
  }

private:
  /// It fails only without memory, or where SHA-256 is forbidden.
  static void require(bool done) {
    if (!done)
      std::abort();
  }
  EVP_MD_CTX* context_;
};

} // namespace

std::uint64_t checksum(std::span<const std::byte> data) {
  return XXH3_64bits(data.data(), data.size());
}

sha256_hash sha256(std::span<const std::byte> data) {
  thread_local sha256_context context;
  return context.of(data);
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
