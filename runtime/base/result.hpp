#pragma once
#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <cstdint>
#include <string_view>

namespace forerun {

/// Everything that can go wrong, closed. A peer's bad input is one of these; our own bug stops the program.
enum class errc : std::uint8_t {
  invalid_argument = 1, ///< The caller's value is outside what is allowed.
  not_found,            ///< No such volume, image, block, file.
  exists,               ///< The name is taken.
  overloaded,           ///< A bound is reached; nothing has changed; try later or shed.
  out_of_range,         ///< Past the end of the volume or image.
  read_only,            ///< Writes are not allowed here.
  no_space,             ///< The disk or a size limit is full.
  io_failed,            ///< Disk or network failed.
  timed_out,            ///< No answer before the deadline.
  unavailable,          ///< The other side is gone; may come back.
  changed,              ///< The origin is not what it was (size or validator differ).
  corrupt,              ///< A checksum or structure does not hold.
  unsupported,          ///< A version or feature that this build does not know.
  busy,                 ///< In use, e.g. a data folder by another node.
  cancelled,            ///< Given up because of shutdown or by request.
  permission_denied,
};

/// A short name for logs and messages, e.g. "timed out".
std::string_view to_string(errc code);

/// Value or errc. Reading the value of a failed result terminates: it is our own bug.
template <class T>
using result =
    BOOST_OUTCOME_V2_NAMESPACE::basic_result<T, errc, BOOST_OUTCOME_V2_NAMESPACE::policy::terminate>;

inline auto success() {
  return BOOST_OUTCOME_V2_NAMESPACE::success();
}

} // namespace forerun
