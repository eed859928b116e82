#pragma once
#include "runtime/control/lineage.hpp"
#include <optional>
#include <string_view>

namespace forerun::cli {

/// How people write one version of one element.
struct element_words {
  control::asked_version version;
  std::string name; ///< Under which the element came into being; then its number has to be found.
};

/// VOLUME/BLOCK, KIND/SPACE/NUMBER or name:NAME; with @POSITION behind it the version that stood when the
/// record at that position was made (for a WRITE, the one that it made), with @start the element as it began,
/// otherwise the newest. What exports call a version of one element is read, too. None: it is none of these.
std::optional<element_words> parse_element(std::string_view text);

} // namespace forerun::cli
