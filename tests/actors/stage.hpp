#pragma once
#include "actors/common/protocols.hpp"
#include "actors/common/system.hpp"
#include "runtime/sim/sim_disk.hpp"
#include "runtime/store/blocking_pool.hpp"
#include "runtime/volume/planes.hpp"
#include <caf/scheduler/test_coordinator.hpp>
#include <future>

/// An actor system in which a test holds the clock and the scheduler, and plays everybody whom an actor talks
/// to.
namespace forerun::actors {

/// Everything that was sent to a place.
using heard = std::shared_ptr<std::vector<caf::message>>;

inline caf::behavior hear(caf::event_based_actor* self, heard to) {
  self->set_default_handler([to](caf::scheduled_actor*, caf::message& what) -> caf::skippable_result {
    to->push_back(what);
    return caf::message{};
  });
  return {[](caf::unit_t) {}};
}

template <class T> std::vector<T> all(const heard& from) {
  std::vector<T> found;
  for (const auto& each : *from)
    if (each.match_elements<T>())
      found.push_back(each.get_as<T>(0));
  return found;
}

/// The last of its kind.
template <class T> T last(const heard& from) {
  const auto found = all<T>(from);
  if (found.empty())
    throw std::runtime_error{"nobody said that"};
  return found.back();
}

struct quiet_config : caf::actor_system_config {
  quiet_config() {
    static const bool known = [] {
      init_types();
      return true;
    }();
    (void)known;
    set("caf.scheduler.policy", "testing");
    set("caf.logger.inline-output", true);
  }
};

inline access read_of(extent where, instant when) {
  access entry;
  entry.where = where;
  entry.bytes = static_cast<std::uint32_t>(where.bytes());
  entry.arrived = when;
  entry.how = outcome::miss;
  return entry;
}

class actor_stage {
public:
  static constexpr image_id image{7};
  static constexpr volume_id volume{5};

  actor_stage() : system(config), self(system), scheduler(coordinator()) {
    scheduler.advance_time(std::chrono::hours{1});
  }
  ~actor_stage() {
    others->clear();
    for (const auto& each : cast_)
      caf::anon_send_exit(each, caf::exit_reason::kill);
    scheduler.run();
    workers.drain();
  }

  /// Puts a listener at a place.
  heard listener(place where) {
    auto to = std::make_shared<std::vector<caf::message>>();
    keep(where, system.spawn(hear, to));
    return to;
  }
  template <class Handle> Handle keep(place where, Handle who) {
    others->put(where, who);
    cast_.push_back(caf::actor_cast<caf::actor>(who));
    return who;
  }
  template <class Handle, class... Ts> void tell(const Handle& who, Ts&&... what) {
    caf::anon_send(who, std::forward<Ts>(what)...);
    scheduler.run();
  }
  /// The answer to a question, or the error that it met.
  template <class T, class Handle, class... Ts> result<T> ask(const Handle& who, Ts&&... what) {
    auto asked = self->request(who, std::chrono::seconds{1}, std::forward<Ts>(what)...);
    scheduler.run();
    result<T> answer = errc::timed_out;
    asked.receive([&](T& value) { answer = std::move(value); },
                  [&](const caf::error& problem) {
                    answer = problem.context().match_elements<std::uint8_t>()
                                 ? errc{problem.context().get_as<std::uint8_t>(0)}
                                 : errc::unavailable;
                  });
    return answer;
  }
  void pass(caf::timespan time) {
    scheduler.advance_time(time);
    scheduler.run();
  }
  instant now() {
    return instant{std::chrono::duration_cast<nanos>(scheduler.clock().now().time_since_epoch())};
  }
  /// Waits for what was left to other threads.
  void finish_work() {
    std::promise<void> done;
    workers.post([&] { done.set_value(); });
    done.get_future().wait();
  }

private:
  caf::scheduler::test_coordinator& coordinator() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  std::vector<caf::actor> cast_;
  quiet_config config;

public:
  sim::sim_disk disk;
  std::shared_ptr<directory> others = std::make_shared<directory>();
  std::shared_ptr<volume::planes> planes = std::make_shared<volume::planes>();
  volume::epochs readers;
  store::blocking_pool workers{1, 64};
  caf::actor_system system;
  caf::scoped_actor self;
  caf::scheduler::test_coordinator& scheduler;
};

/// The stage with an image on it, open in the planes.
class image_stage : public actor_stage {
public:
  explicit image_stage(std::uint64_t size = 64 * block_bytes, std::uint64_t memory_blocks = 64)
      : memory(volume::pool::make(memory_blocks * block_bytes).value()),
        plane(std::make_shared<volume::image_plane>(
            image, size, *memory,
            std::shared_ptr<store::block_cache>{
                store::block_cache::open(disk, "image", {size, "v1"}).value()})) {
    planes->add(plane);
  }

  std::unique_ptr<volume::pool> memory;
  std::shared_ptr<volume::image_plane> plane;
};

} // namespace forerun::actors
