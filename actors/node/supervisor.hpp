#pragma once
#include "actors/common/directory.hpp"
#include <caf/all.hpp>
#include <functional>
#include <map>
#include <string>

namespace forerun::actors {

/// A restart waits so long, twice as long each time, up to the maximum; a child that ran well for `calm`
/// starts from the beginning again.
struct restart_limits {
  caf::timespan pause_first = std::chrono::milliseconds{100};
  caf::timespan pause_max = std::chrono::seconds{5};
  caf::timespan calm = std::chrono::minutes{1};
};

/// Keeps a node's actors alive: whoever ends with an error is made anew in the same place of the directory.
/// Part of the node actor's state; its thread only.
class supervisor {
public:
  using spawner = std::function<caf::actor()>;

  supervisor(caf::scheduled_actor* self, std::shared_ptr<directory> others, restart_limits limits = {})
      : self_(self), others_(std::move(others)), limits_(limits) {}

  void start(place where, std::string name, spawner make);
  /// Ends it for good.
  void stop(place where);
  void stop_all();
  /// To be called by the node for each of these messages.
  void down(const caf::down_msg& message);
  /// Makes those anew whose pause is over.
  void restart(place where);

  struct child {
    std::string name;
    spawner make;
    caf::actor who;
    bool running = false;
    std::uint32_t restarts = 0;
    std::string last_error;
    caf::timespan pause{};
    caf::actor_clock::time_point started;
  };
  const std::map<place, child>& children() const { return children_; }
  /// Called with the place and the pause when something has to be restarted later.
  std::function<void(place, caf::timespan)> later;

private:
  void run(place where, child& what);

  caf::scheduled_actor* self_;
  std::shared_ptr<directory> others_;
  restart_limits limits_;
  std::map<place, child> children_;
};

} // namespace forerun::actors
