#pragma once
#include "runtime/nbd/device.hpp"
#include <array>
#include <sys/uio.h>

namespace forerun::nbd {

/// Replies of one connection that leave in one system call: pieces of memory, most of them a device's own.
/// One per I/O thread, used for one connection after the other; it allocates nothing once it is warm.
class reply_batch final : public gather {
public:
  /// At so many replies, or bytes, the batch is full and has to be sent before the next reply.
  static constexpr std::size_t replies_max = 512;
  static constexpr std::size_t bytes_max = 256u << 10;

  /// A request whose answer is in the batch; the device hears of it when it was sent.
  struct note {
    request what;
    answer how;
  };

  reply_batch();

  bool empty() const { return pieces_.empty(); }
  std::size_t bytes() const { return bytes_; }
  bool full() const { return replies_ >= replies_max || bytes_ >= bytes_max; }

  /// Begins a reply; returns room for a header of at most `header_bytes_max`, written before `close_reply`.
  std::byte* open_reply();
  /// Bytes that were added since `open_reply`.
  std::size_t added() const { return bytes_ - open_bytes_; }
  /// Forgets what was added since `open_reply`.
  void drop_added();
  /// Forgets the reply as a whole.
  void undo_reply();
  void close_reply(std::size_t header_bytes);
  static constexpr std::size_t header_bytes_max = 32;

  void add(std::span<const std::byte> piece) override;
  std::span<std::byte> scratch(std::size_t bytes) override;
  /// Adds bytes that the caller may forget.
  void add_copy(std::span<const std::byte> bytes);
  /// Adds bytes that stay alive with the batch.
  void add_owned(owned_bytes bytes);
  void remember(const request& what, const answer& how) { notes_.push_back({what, how}); }

  std::span<iovec> pieces() { return pieces_; }
  std::span<const note> notes() const { return notes_; }
  /// Ready for the next replies; all pieces are forgotten.
  void reset();

private:
  static constexpr std::size_t scratch_bytes = 256u << 10;
  std::vector<std::array<std::byte, header_bytes_max>> headers_;
  std::vector<iovec> pieces_;
  std::vector<note> notes_;
  std::vector<owned_bytes> owned_;
  std::unique_ptr<std::byte[]> scratch_;
  std::vector<std::unique_ptr<std::byte[]>> large_scratch_; ///< What did not fit; gone at `reset`.
  std::size_t scratch_used_ = 0;
  std::size_t replies_ = 0;
  std::size_t bytes_ = 0;
  std::size_t open_piece_ = 0;
  std::size_t open_bytes_ = 0;
};

} // namespace forerun::nbd
