#pragma once
#include "actors/common/directory.hpp"
#include "runtime/anatomy/image_reader.hpp"
#include "runtime/volume/image_plane.hpp"
#include <functional>
#include <memory>

namespace forerun::actors {

/// Reads an image as its volumes do: what is local comes from there, all else over the image's actor, behind
/// all demand, into the same tiers. So nothing is fetched twice. For a thread that may wait.
class far_reader final : public anatomy::image_reader {
public:
  /// `wanted` is asked while it waits; what it reads then fails with `cancelled`.
  far_reader(std::shared_ptr<const volume::image_plane> image, std::shared_ptr<directory> others,
             std::function<bool()> wanted);

  std::uint64_t bytes() const override { return image_->bytes; }
  /// Errors: `out_of_range`, `cancelled`, `timed_out` after 30 s, `unavailable` when the origin failed three
  /// times.
  result<void> read(std::uint64_t offset, std::span<std::byte> into) override;
  /// At most 16 MiB are asked for so; what is more is left to `read`.
  void soon(std::uint64_t offset, std::uint64_t length) override;

private:
  struct ahead;
  bool local(extent where) const;
  bool copy(std::uint64_t offset, std::span<std::byte> into) const;
  result<void> fetch(extent where);

  std::shared_ptr<const volume::image_plane> image_;
  std::shared_ptr<directory> others_;
  std::function<bool()> wanted_;
  std::shared_ptr<ahead> ahead_;
};

} // namespace forerun::actors
