#pragma once
#include "actors/node/ground.hpp"
#include "runtime/control/api.hpp"

namespace forerun::actors {

/// An image that some volume is on.
struct open_image {
  store::image_entry entry;
  std::shared_ptr<volume::image_plane> plane;
  std::shared_ptr<origin::source> source;
};

/// A volume that clients can reach.
struct open_volume {
  store::volume_entry entry;
  std::string image_url;
  std::shared_ptr<volume::device> device;
  std::optional<nbd::listener_id> listener; ///< Of its own.
  std::vector<std::string> addresses;
};

template <class T> using attempt = std::variant<T, control::failure>;

/// Opens the source and the local blocks of an image. Blocks; not on an actor's thread.
attempt<open_image> open_image_at(ground& on, const std::string& url);

/// Opens the overlay of a volume and makes its device. `image` may be null.
attempt<open_volume> open_volume_on(ground& on, const store::volume_entry& entry, const open_image* image);

/// What becomes of its records: never `unset`, unless there is no log.
audit_policy audit_of(const ground& on, const store::volume_entry& entry);

/// Lets clients reach it: by name on the node's own addresses, and on the address of its own if it has one.
std::optional<control::failure> serve(ground& on, open_volume& volume);

/// An address for more clients. Refuses what other machines can reach, unless the node is `insecure`.
attempt<nbd::listener_id> listen(ground& on, const std::string& address, const std::string& bound);

} // namespace forerun::actors
