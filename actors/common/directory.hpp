#pragma once
#include <caf/all.hpp>
#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace forerun::actors {

/// What an actor does; with an id (of its volume or image) it names one place in the node.
enum class role : std::uint8_t { vm, volume, image, tier, provenance, predictor, prefetcher };

struct place {
  role what{};
  std::uint32_t id = 0;
  auto operator<=>(const place&) const = default;
};

/// Who is where. An actor that was restarted takes its old place, so senders look the place up and never keep
/// a handle. Any thread. Bounded by the volumes and images of a node.
class directory {
public:
  template <class Handle> void put(place where, const Handle& who) {
    std::lock_guard guard{mutex_};
    entries_[where] = caf::actor_cast<caf::strong_actor_ptr>(who);
  }
  void remove(place where) {
    std::lock_guard guard{mutex_};
    entries_.erase(where);
  }
  /// A null handle if nobody is there.
  template <class Handle> Handle find(place where) const {
    std::lock_guard guard{mutex_};
    const auto found = entries_.find(where);
    return found == entries_.end() ? Handle{} : caf::actor_cast<Handle>(found->second);
  }
  /// Sends to whoever is there now; false if nobody is.
  template <class Handle, class Message> bool tell(place where, Message&& what) const {
    const auto who = find<Handle>(where);
    if (!who)
      return false;
    caf::anon_send(who, std::forward<Message>(what));
    return true;
  }
  /// Lets go of everybody, so that the system can end.
  void clear() {
    std::lock_guard guard{mutex_};
    entries_.clear();
  }

private:
  mutable std::mutex mutex_;
  std::map<place, caf::strong_actor_ptr> entries_;
};

} // namespace forerun::actors
