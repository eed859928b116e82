#include "runtime/nbd/input.hpp"
#include <algorithm>
#include <cstring>

namespace forerun::nbd {

input_buffer::input_buffer() : small_(std::make_unique_for_overwrite<std::byte[]>(small_bytes)) {
}

std::span<const std::byte> input_buffer::data() const {
  if (large_bytes_ > 0)
    return {large_.get() + large_begin_, large_end_ - large_begin_};
  return {small_.get() + begin_, end_ - begin_};
}

void input_buffer::drop(std::size_t bytes) {
  if (large_bytes_ == 0) {
    begin_ += bytes;
    if (begin_ == end_)
      begin_ = end_ = 0;
    return;
  }
  large_begin_ += bytes;
  if (large_begin_ < large_bytes_)
    return;
  large_bytes_ = 0;
  if (large_capacity_ > kept_bytes_max) {
    large_.reset();
    large_capacity_ = 0;
  }
}

std::span<const iovec> input_buffer::room(std::size_t wanted) {
  // Moving a short rest to the front is cheaper than a second buffer.
  constexpr auto moved_bytes_max = small_bytes / 4;
  if (large_bytes_ == 0 && wanted > small_bytes - begin_) {
    if (wanted <= moved_bytes_max) {
      std::memmove(small_.get(), small_.get() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    } else {
      enlarge(wanted);
    }
  }
  const iovec small{.iov_base = small_.get() + end_, .iov_len = small_bytes - end_};
  if (large_bytes_ == 0) {
    room_[0] = small;
    return {room_.data(), 1};
  }
  room_[0] = {.iov_base = large_.get() + large_end_, .iov_len = large_bytes_ - large_end_};
  room_[1] = small;
  return room_;
}

void input_buffer::enlarge(std::size_t wanted) {
  if (large_capacity_ < wanted) {
    large_ = std::make_unique_for_overwrite<std::byte[]>(wanted);
    large_capacity_ = wanted;
  }
  large_bytes_ = wanted;
  large_begin_ = 0;
  large_end_ = end_ - begin_;
  std::memcpy(large_.get(), small_.get() + begin_, large_end_);
  begin_ = end_ = 0;
}

void input_buffer::filled(std::size_t bytes) {
  if (large_bytes_ > 0) {
    const auto taken = std::min(bytes, large_bytes_ - large_end_);
    large_end_ += taken;
    bytes -= taken;
  }
  end_ += bytes;
}

} // namespace forerun::nbd
