#pragma once
#include <caf/all.hpp>
#include <cstdint>
#include <map>
#include <string>

namespace forerun::actors {

/// How busy the actors of one kind are, together.
struct load {
  std::uint64_t mailbox = 0; ///< Messages that wait.
  std::uint64_t processed = 0;
};

/// By the actors' name, e.g. "forerun.image"; from CAF's own metrics.
std::map<std::string, load> actor_loads(caf::actor_system& system);

} // namespace forerun::actors
