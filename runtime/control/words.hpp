#pragma once
#include <capnp/blob.h>
#include <string>

/// Inside runtime/control only: single words, to their values and back.
namespace forerun::control {

/// Enumerators have the same numbers on both sides; `last` is the last one that is known here.
template <class To, class From> To known(From from, To last) {
  const auto number = static_cast<unsigned>(from);
  return number <= static_cast<unsigned>(last) ? static_cast<To>(number) : To{};
}

inline kj::StringPtr text(const std::string& from) {
  return {from.c_str(), from.size()};
}

inline std::string text(capnp::Text::Reader from) {
  return {from.begin(), from.size()};
}

} // namespace forerun::control
