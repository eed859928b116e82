#pragma once
#include "runtime/control/api.hpp"
#include <string>

namespace forerun::cli {

/// Lets GraphViz make SVG of a graph in its language; blocks until it is drawn. Errors: `unsupported`
/// (GraphViz is not installed), `io_failed`.
control::answer<std::string> draw_svg(const std::string& dot);

} // namespace forerun::cli
