#pragma once
#include "runtime/control/client.hpp"
#include "tests/unit/control/fake_node.hpp"
#include <doctest/doctest.h>

/// How tests ask a served node, and take what it says apart.
namespace forerun::control {

inline client connected(const std::string& path) {
  auto made = client::connect(path);
  if (const auto* why = std::get_if<1>(&made))
    FAIL(why->what);
  return std::move(std::get<0>(made));
}

inline client connected(const served_node& to) {
  return connected(to.socket());
}

template <class T> T value(answer<T> from) {
  if (const auto* why = std::get_if<1>(&from))
    FAIL(why->what);
  return std::get<0>(std::move(from));
}

template <class T> failure refusal(answer<T> from) {
  REQUIRE(from.index() == 1);
  return std::get<1>(std::move(from));
}

template <class T> errc refused(answer<T> from) {
  return refusal(std::move(from)).code;
}

} // namespace forerun::control
