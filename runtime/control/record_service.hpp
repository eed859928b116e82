#pragma once
#include "runtime/control/answering.hpp"

namespace forerun::control {

inline constexpr std::size_t connection_streams_max = 16;

/// Inside runtime/control only, on the KJ thread: hands a stream out to a connection, as an object of its own
/// that ends with it.
void write_stream(wire::Answer<wire::RecordStream>::Builder to, answer<std::shared_ptr<record_stream>>&& what,
                  const answering& how);

} // namespace forerun::control
