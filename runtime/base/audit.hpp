#pragma once
#include <cstdint>
#include <string_view>

namespace forerun {

/// What happens to the record of an access when recording does not keep up. Numbers are on disk and on the
/// wire.
enum class audit_policy : std::uint8_t {
  unset = 0,   ///< Whatever the node does by default; of an open volume: nothing is recorded.
  relaxed = 1, ///< It is counted and lost; the log is on stable storage a second later.
  strict = 2,  ///< The client waits; the log is on stable storage at once.
};
inline constexpr auto audit_policy_last = audit_policy::strict;

/// As people write it.
constexpr std::string_view to_string(audit_policy audit) {
  switch (audit) {
  case audit_policy::relaxed:
    return "relaxed";
  case audit_policy::strict:
    return "strict";
  case audit_policy::unset:
    break;
  }
  return "off";
}

} // namespace forerun
