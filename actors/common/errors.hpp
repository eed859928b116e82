#pragma once
#include "runtime/base/result.hpp"
#include <caf/all.hpp>

/// `errc` as actors pass it on.
namespace forerun::actors {

inline caf::error fail(errc code) {
  return caf::make_error(caf::sec::runtime_error, static_cast<std::uint8_t>(code));
}

/// What an actor's error means: its own errc, or that it did not answer in time, or that it is gone.
inline errc code_of(const caf::error& error) {
  if (error == caf::sec::request_timeout)
    return errc::timed_out;
  if (error == caf::sec::runtime_error && error.context().match_elements<std::uint8_t>())
    return errc{error.context().get_as<std::uint8_t>(0)};
  return errc::unavailable;
}

} // namespace forerun::actors
