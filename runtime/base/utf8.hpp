#pragma once
#include <cstddef>
#include <string>
#include <string_view>

/// Text of others, which may hold anything.
namespace forerun {

/// Length of the well-formed UTF-8 sequence at the front of `text`, which is not empty; 0: there is none.
std::size_t utf8_sequence(std::string_view text);

bool is_utf8(std::string_view text);

/// What stands for a byte that is no UTF-8: U+FFFD.
inline constexpr std::string_view utf8_replacement = "\xef\xbf\xbd";

} // namespace forerun
