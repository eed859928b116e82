#pragma once
#include "runtime/control/calls.hpp"
#include <kj/compat/http.h>

namespace forerun::control {

/// Inside runtime/control only, on the KJ thread: GET /metrics and a page that names it.
kj::Own<kj::HttpService> make_metrics_service(control_api& api, calls& open,
                                              const kj::HttpHeaderTable& table);

} // namespace forerun::control
