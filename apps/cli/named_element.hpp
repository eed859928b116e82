#pragma once
#include "apps/cli/context.hpp"

namespace forerun::cli {

/// Puts into a question the element that has this name, as the newest record of its beginning has it; what
/// the question says of volume, kind and space must hold for it. Otherwise complains, and returns false.
bool find_named(context& where, control::client& node, const std::string& name,
                control::record_question& what);

} // namespace forerun::cli
