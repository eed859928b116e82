#pragma once
#include "runtime/base/ed25519.hpp"

namespace forerun::provenance {

/// Signs what must be told from what others wrote. The secret key may be anywhere. One thread.
class signer {
public:
  virtual ~signer() = default;
  virtual const ed25519_key& key() const = 0;
  /// Errors: of where the key is.
  virtual result<ed25519_signature> sign(std::span<const std::byte> message) const = 0;
};

/// Signs with a secret key in memory.
class seed_signer final : public signer {
public:
  /// Errors: `unsupported` (no Ed25519 on this machine).
  static result<seed_signer> make(const ed25519_seed& secret) {
    const auto key = ed25519_public(secret);
    if (!key)
      return key.error();
    return seed_signer{secret, key.value()};
  }
  const ed25519_key& key() const override { return key_; }
  result<ed25519_signature> sign(std::span<const std::byte> message) const override {
    return ed25519_sign(secret_, message);
  }

private:
  seed_signer(const ed25519_seed& secret, const ed25519_key& key) : secret_(secret), key_(key) {}

  ed25519_seed secret_;
  ed25519_key key_;
};

} // namespace forerun::provenance
