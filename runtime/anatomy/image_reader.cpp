#include "runtime/anatomy/image_reader.hpp"

namespace forerun::anatomy {

result<void> counted_reader::read(std::uint64_t offset, std::span<std::byte> into) {
  if (!ended_)
    return ended_;
  if (offset > bytes() || into.size() > bytes() - offset)
    return errc::out_of_range;
  if (bounds_.still_wanted && !bounds_.still_wanted())
    return ended_ = errc::cancelled;
  if (reads_ >= bounds_.reads_max || into.size() > bounds_.bytes_read_max - bytes_read_)
    return ended_ = errc::overloaded;
  ++reads_;
  bytes_read_ += into.size();
  auto done = below_.read(offset, into);
  if (!done)
    ended_ = done;
  return done;
}

} // namespace forerun::anatomy
