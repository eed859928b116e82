#pragma once
#include "runtime/base/ed25519.hpp"
#include <string>

namespace forerun::host {

/// The secret key in a file: 64 hexadecimal digits and a newline. Is it missing, one is drawn from the
/// system's randomness and kept there, mode 0600. Errors: `corrupt` (something else is in it),
/// `permission_denied` (also when everybody may read or write it), `io_failed`, `no_space`, `not_found` (its
/// folder).
result<ed25519_seed> load_or_make_secret(const std::string& path);

} // namespace forerun::host
