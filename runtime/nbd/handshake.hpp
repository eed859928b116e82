#pragma once
#include "runtime/nbd/protocol.hpp"

namespace forerun::nbd {

/// Bounds of one handshake.
struct handshake_limits {
  std::uint32_t option_bytes_max = 64u << 10; ///< Longer options are skipped and answered with TOO_BIG.
  std::uint32_t options_max = 64;             ///< More options end the connection.
  std::uint32_t name_bytes_max = 4096;        ///< Longer names are answered with TOO_BIG.
  std::uint32_t list_exports_max = 4096;      ///< LIST names at most so many.
};

/// The server's side of the fixed newstyle handshake: bytes in, bytes out, no sockets, no clock.
class handshake {
public:
  /// `names` outlives this. With `bound`, only that export is there, and the empty name means it.
  handshake(const handshake_limits& limits, exports& names, std::optional<std::string> bound);

  enum class state : std::uint8_t {
    talking, ///< More options are to come.
    agreed,  ///< Transmission follows.
    over,    ///< The connection ends, after the answer was sent.
  };

  /// What the server says first.
  static void greet(std::vector<std::byte>& out);

  /// Takes at most one unit off the front of `input`, appends the answer to `out`, and returns the bytes
  /// taken; 0: it needs `wanted()` bytes in one piece.
  std::size_t take(std::span<const std::byte> input, std::vector<std::byte>& out);

  std::size_t wanted() const { return wanted_; }
  state now() const { return state_; }
  /// Valid once agreed.
  const agreement& agreed() const { return agreed_; }
  const std::shared_ptr<device>& chosen() const { return chosen_; }

private:
  std::size_t take_flags(std::span<const std::byte> input);
  void answer(option what, std::span<const std::byte> data, std::vector<std::byte>& out);
  void export_name(std::span<const std::byte> data, std::vector<std::byte>& out);
  void list(std::span<const std::byte> data, std::vector<std::byte>& out);
  void info_or_go(option what, std::span<const std::byte> data, std::vector<std::byte>& out);
  void meta_context(option what, std::span<const std::byte> data, std::vector<std::byte>& out);
  std::shared_ptr<device> find(const std::string& name);
  std::string real_name(std::string name) const;

  handshake_limits limits_;
  exports& names_;
  std::optional<std::string> bound_;
  state state_ = state::talking;
  std::size_t wanted_ = 4;
  std::uint64_t skip_ = 0;
  std::uint32_t options_ = 0;
  bool flags_taken_ = false;
  bool fixed_ = false;
  bool zeroes_ = true;
  std::optional<std::string> context_export_; ///< For which export base:allocation was set.
  agreement agreed_;
  std::shared_ptr<device> chosen_;
};

} // namespace forerun::nbd
