#pragma once
#include "runtime/config/config.hpp"
#include "runtime/control/client.hpp"
#include <functional>
#include <ostream>
#include <string>

namespace forerun::cli {

/// Exit codes; docs/cli.md has them for people.
enum exit_code : int {
  exit_ok = 0,
  exit_failed = 1,      ///< The node refused, or could not.
  exit_usage = 2,       ///< The command line is wrong.
  exit_unreachable = 3, ///< No node answers at the socket.
  exit_damaged = 4,     ///< `verify` found the provenance log changed.
};

/// What a command works with. The last two are set while the command line is read.
struct context {
  std::ostream& out;
  std::ostream& err;
  config::environment env;
  std::string socket; ///< Empty: the default of the user's state folder.
  bool json = false;
  int code = exit_ok;
};

/// Connects to the node and does `what` with it. Otherwise says why not, and sets the exit code.
void with_node(context& where, const std::function<void(control::client&)>& what);

/// Prints why a call failed, with its remedy, and sets the exit code to `code`.
void complain(context& where, const control::failure& why, exit_code code = exit_failed);

/// Shows the answer with `show`, or complains.
template <class T, class Show> void present(context& where, control::answer<T> what, Show show) {
  if (const auto* why = std::get_if<1>(&what))
    complain(where, *why);
  else
    show(std::get<0>(what));
}

} // namespace forerun::cli
