#pragma once
#include "runtime/base/access.hpp"
#include "runtime/nbd/device.hpp"
#include <functional>
#include <memory>
#include <span>
#include <utility>

namespace forerun::volume {

using batch_ptr = std::shared_ptr<const access_batch>;

/// A request that I/O threads cannot answer alone: it needs blocks that are not local. Answered once: at the
/// latest, with `unavailable`, when everybody has let go of it.
class demand {
public:
  using receiver = std::function<void(result<std::span<const std::byte>> blocks, outcome how)>;

  explicit demand(receiver then) : then_(std::move(then)) {}
  demand(const demand&) = delete;
  demand& operator=(const demand&) = delete;
  ~demand() { answer(errc::unavailable, outcome::failed); }

  volume_id volume{};
  image_id image{};
  run_id run{};
  extent blocks{}; ///< Of the image.
  /// Which of them it needs; the others (in the overlay, or overwritten whole) are neither fetched nor filled
  /// in.
  std::function<bool(std::uint64_t block)> needs;
  access seen{}; ///< As far as it is known when it starts: time, blocks, operation, think time.

  /// The bytes of `blocks` in order, or an error. One thread.
  void answer(result<std::span<const std::byte>> bytes, outcome how) {
    if (auto then = std::exchange(then_, nullptr))
      then(bytes, how);
  }

private:
  receiver then_;
};

/// What the data path asks of the actors. Called on I/O threads; never blocks. Bounds: the NBD server limits
/// the requests in flight, the device limits the accesses that nobody has worked off.
class backstage {
public:
  /// False: no room; the request fails.
  virtual bool fetch(std::shared_ptr<demand> what) = 0;
  /// What was read and written, at most `access_batch_max` entries, or a millisecond of them; 64 of mere
  /// repetition.
  virtual void observed(batch_ptr batch) = 0;
  /// The client said at `when` that it will read this soon (NBD CACHE).
  virtual void hinted(volume_id volume, image_id image, extent where, instant when) = 0;
  virtual void attached(volume_id volume) = 0;
  virtual void detached(volume_id volume) = 0;
  /// Runs work that blocks (flush) on another thread; false when too much of it waits.
  virtual bool run_blocking(std::function<void()> work) = 0;

protected:
  ~backstage() = default;
};

} // namespace forerun::volume
