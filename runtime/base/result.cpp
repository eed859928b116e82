#include "runtime/base/result.hpp"

namespace forerun {

std::string_view to_string(errc code) {
  switch (code) {
  case errc::invalid_argument:
    return "invalid argument";
  case errc::not_found:
    return "not found";
  case errc::exists:
    return "exists already";
  case errc::overloaded:
    return "overloaded";
  case errc::out_of_range:
    return "out of range";
  case errc::read_only:
    return "read-only";
  case errc::no_space:
    return "no space left";
  case errc::io_failed:
    return "input/output error";
  case errc::timed_out:
    return "timed out";
  case errc::unavailable:
    return "unavailable";
  case errc::changed:
    return "changed since it was first seen";
  case errc::corrupt:
    return "corrupt";
  case errc::unsupported:
    return "not supported";
  case errc::busy:
    return "in use";
  case errc::cancelled:
    return "cancelled";
  case errc::permission_denied:
    return "permission denied";
  }
  return "unknown error";
}

} // namespace forerun
