#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <sys/uio.h>

namespace forerun::nbd {

/// What a connection has received and not yet taken. Many small requests arrive in one read into a buffer of
/// fixed size; a request that is longer gets a buffer of its own, into which its payload is read directly.
class input_buffer {
public:
  static constexpr std::size_t small_bytes = 64u << 10;
  /// A large buffer up to this size is kept for the next large request.
  static constexpr std::size_t kept_bytes_max = (1u << 20) + 4096;

  input_buffer();

  /// In one piece.
  std::span<const std::byte> data() const;
  /// Forgets bytes at the front of data().
  void drop(std::size_t bytes);
  /// Where the next read goes, after room for `wanted` bytes of data() in one piece was made.
  std::span<const iovec> room(std::size_t wanted);
  void filled(std::size_t bytes);

private:
  void enlarge(std::size_t wanted);

  std::unique_ptr<std::byte[]> small_;
  std::size_t begin_ = 0; ///< Of the data in small_.
  std::size_t end_ = 0;
  std::unique_ptr<std::byte[]> large_;
  std::size_t large_capacity_ = 0;
  std::size_t large_bytes_ = 0; ///< Length of the request that large_ is for; 0: none.
  std::size_t large_begin_ = 0;
  std::size_t large_end_ = 0;
  std::array<iovec, 2> room_{};
};

} // namespace forerun::nbd
