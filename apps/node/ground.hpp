#pragma once
#include "actors/node/ground.hpp"
#include "runtime/control/values.hpp"
#include "runtime/host/folder_lock.hpp"
#include <variant>

namespace forerun::app {

/// Opens all that a node stands on, on this machine: the data folder (which is locked while `lock` lives),
/// its disks, catalog and log, and the memory pool.
std::variant<std::unique_ptr<actors::ground>, control::failure>
make_ground(const config::node_config& config, std::optional<host::folder_lock>& lock);

} // namespace forerun::app
