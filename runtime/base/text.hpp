#pragma once
#include <string_view>

namespace forerun {

/// A text without the characters of `blank` at its two ends.
inline std::string_view trimmed(std::string_view text, std::string_view blank) {
  const auto from = text.find_first_not_of(blank);
  return from == text.npos ? std::string_view{} : text.substr(from, text.find_last_not_of(blank) + 1 - from);
}

} // namespace forerun
