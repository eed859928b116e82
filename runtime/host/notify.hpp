#pragma once
#include <string_view>

namespace forerun::host {

/// Tells the service manager how the process does, by one datagram to the socket that NOTIFY_SOCKET names
/// (sd_notify(3)): "READY=1", "STOPPING=1", "STATUS=text", several divided by newlines. Returns whether it
/// was sent; without a service manager nothing happens. Any thread.
bool notify(std::string_view state);

} // namespace forerun::host
