#include "apps/cli/context.hpp"
#include "apps/cli/table.hpp"
#include "runtime/base/json.hpp"

namespace forerun::cli {

void complain(context& where, const control::failure& why, exit_code code) {
  where.code = code;
  if (where.json) {
    json out;
    out.open_object().key("error").open_object();
    out.field("code", forerun::to_string(why.code)).field("what", why.what).field("remedy", why.remedy);
    where.err << out.close().close().text() << '\n';
    return;
  }
  where.err << "forerun: " << printable(why.what);
  if (!why.remedy.empty())
    where.err << "\n  " << printable(why.remedy);
  where.err << '\n';
}

void with_node(context& where, const std::function<void(control::client&)>& what) {
  const auto socket = where.socket.empty() ? config::default_config(where.env).control_socket : where.socket;
  auto node = control::client::connect(socket);
  if (const auto* why = std::get_if<1>(&node))
    complain(where, *why, exit_unreachable);
  else
    what(std::get<0>(node));
}

} // namespace forerun::cli
