#pragma once
#include "runtime/control/calls.hpp"
#include "runtime/control/convert.hpp"
#include <capnp/rpc-twoparty.h>

namespace forerun::control {

inline constexpr std::size_t unread_bytes_max = 8u << 20; ///< Answers that a client has not read.

/// Inside runtime/control only, on the KJ thread: one connection's figures, shared by its socket and its
/// calls.
struct session {
  capnp::TwoPartyVatNetwork* network = nullptr; ///< Null before and after the connection.
  kj::Own<kj::PromiseFulfiller<void>> hang_up;
  std::size_t open_calls = 0;
  std::size_t streams = 0;
  std::uint64_t last_call = 0; ///< Grows with every call of any connection.

  /// False, and the connection is about to be closed, if too much that it was told lies unread.
  bool reads_answers() {
    const auto ok = network == nullptr || network->getCurrentQueueSize() <= unread_bytes_max;
    if (!ok)
      hang_up->fulfill();
    return ok;
  }
};

/// The words of one connection, checked and turned into calls of the node.
kj::Own<wire::Control::Server> make_service(control_api& api, calls& open, std::string metrics_url,
                                            std::shared_ptr<session> from, std::uint64_t& call_count);

} // namespace forerun::control
