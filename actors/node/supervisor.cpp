#include "actors/node/supervisor.hpp"
#include <spdlog/spdlog.h>

namespace forerun::actors {

void supervisor::run(place where, child& what) {
  what.who = what.make();
  what.running = true;
  what.started = self_->clock().now();
  others_->put(where, what.who);
  self_->monitor(what.who);
}

void supervisor::start(place where, std::string name, spawner make) {
  auto& what = children_[where];
  what = {std::move(name), std::move(make), {}, false, 0, {}, limits_.pause_first, {}};
  run(where, what);
}

void supervisor::stop(place where) {
  const auto found = children_.find(where);
  if (found == children_.end())
    return;
  others_->remove(where);
  caf::anon_send_exit(found->second.who, caf::exit_reason::user_shutdown);
  children_.erase(found);
}

void supervisor::stop_all() {
  while (!children_.empty())
    stop(children_.begin()->first);
}

void supervisor::down(const caf::down_msg& message) {
  for (auto& [where, what] : children_) {
    if (!what.running || what.who.address() != message.source)
      continue;
    what.running = false;
    what.who = nullptr;
    ++what.restarts;
    what.last_error = to_string(message.reason);
    if (self_->clock().now() - what.started > limits_.calm)
      what.pause = limits_.pause_first;
    spdlog::error("{} ended: {}; it starts again in {} ms", what.name, what.last_error,
                  std::chrono::duration_cast<std::chrono::milliseconds>(what.pause).count());
    later(where, what.pause);
    what.pause = std::min(what.pause * 2, limits_.pause_max);
    return;
  }
}

void supervisor::restart(place where) {
  if (const auto found = children_.find(where); found != children_.end() && !found->second.running)
    run(where, found->second);
}

} // namespace forerun::actors
