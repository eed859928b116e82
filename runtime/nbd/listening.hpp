#pragma once
#include "runtime/base/address.hpp"
#include "runtime/nbd/descriptor.hpp"

namespace forerun::nbd {

/// A listening socket, non-blocking. Takes the place of a unix socket that nobody listens on any more; a new
/// one may be used by its owner only. Port 0 means any. Errors: `invalid_argument`, `busy` (in use),
/// `not_found` (no such host or folder), `permission_denied` (also a host that is not loopback, unless
/// `beyond_loopback`), `io_failed`.
result<descriptor> listen_on(const address& where, bool beyond_loopback);
/// The address with its real port.
address bound_address(const descriptor& socket, const address& asked);

} // namespace forerun::nbd
