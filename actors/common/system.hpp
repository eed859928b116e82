#pragma once
#include "actors/common/messages.hpp"

namespace forerun::actors {

/// Makes the messages known to CAF. Once in a process, before its first actor system.
void init_types();

} // namespace forerun::actors
