#include "runtime/base/ed25519.hpp"
#include <charconv>
#include <memory>
#include <openssl/evp.h>

namespace forerun {
namespace {

struct freeing {
  void operator()(EVP_PKEY* it) const { EVP_PKEY_free(it); }
  void operator()(EVP_MD_CTX* it) const { EVP_MD_CTX_free(it); }
};
using key_handle = std::unique_ptr<EVP_PKEY, freeing>;
using work_handle = std::unique_ptr<EVP_MD_CTX, freeing>;

key_handle secret_key(const ed25519_seed& secret) {
  return key_handle{EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret.data(), secret.size())};
}

const unsigned char* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

} // namespace

result<ed25519_key> ed25519_public(const ed25519_seed& secret) {
  const auto key = secret_key(secret);
  ed25519_key out;
  auto size = out.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), out.data(), &size) != 1 || size != out.size())
    return errc::unsupported;
  return out;
}

result<ed25519_signature> ed25519_sign(const ed25519_seed& secret, std::span<const std::byte> message) {
  const auto key = secret_key(secret);
  const work_handle work{EVP_MD_CTX_new()};
  ed25519_signature out;
  auto size = out.size();
  if (!key || !work || EVP_DigestSignInit(work.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(work.get(), out.data(), &size, raw(message), message.size()) != 1 || size != out.size())
    return errc::unsupported;
  return out;
}

bool ed25519_holds(const ed25519_key& key, std::span<const std::byte> message,
                   const ed25519_signature& signature) {
  const key_handle handle{EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size())};
  const work_handle work{EVP_MD_CTX_new()};
  return handle && work && EVP_DigestVerifyInit(work.get(), nullptr, nullptr, nullptr, handle.get()) == 1 &&
         EVP_DigestVerify(work.get(), signature.data(), signature.size(), raw(message), message.size()) == 1;
}

std::optional<ed25519_key> parse_ed25519_key(std::string_view text) {
  ed25519_key out;
  if (text.size() != out.size() * 2)
    return std::nullopt;
  for (auto& byte : out) {
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + 2, byte, 16);
    if (wrong != std::errc{} || end != text.data() + 2)
      return std::nullopt;
    text.remove_prefix(2);
  }
  return out;
}

} // namespace forerun
