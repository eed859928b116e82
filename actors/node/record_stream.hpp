#pragma once
#include "actors/common/protocols.hpp"

namespace forerun::actors {

/// Makes a stream of records for the control socket: an actor that subscribes at `log` and ends with the
/// stream.
void open_record_stream(caf::actor_system& system, const provenance_actor& log, subscribe what,
                        control::reply<std::shared_ptr<control::record_stream>> to);

} // namespace forerun::actors
