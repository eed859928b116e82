#pragma once
#include "runtime/nbd/device.hpp"
#include <optional>

/// Numbers and byte layouts of the NBD protocol (NetworkBlockDevice/nbd, doc/proto.md). Pure: bytes in,
/// values out.
namespace forerun::nbd {

namespace magic {
inline constexpr std::uint64_t hello = 0x4e42444d41474943;  ///< "NBDMAGIC"
inline constexpr std::uint64_t option = 0x49484156454f5054; ///< "IHAVEOPT"
inline constexpr std::uint64_t option_reply = 0x0003e889045565a9;
inline constexpr std::uint32_t request = 0x25609513;
inline constexpr std::uint32_t simple_reply = 0x67446698;
inline constexpr std::uint32_t structured_reply = 0x668e33ef;
} // namespace magic

/// Both sides' flags at the start of the handshake have the same bits.
namespace handshake_flag {
inline constexpr std::uint16_t fixed_newstyle = 1 << 0;
inline constexpr std::uint16_t no_zeroes = 1 << 1;
} // namespace handshake_flag

enum class option : std::uint32_t {
  export_name = 1,
  abort = 2,
  list = 3,
  starttls = 5,
  info = 6,
  go = 7,
  structured_reply = 8,
  list_meta_context = 9,
  set_meta_context = 10,
};

enum class option_reply : std::uint32_t {
  ack = 1,
  server = 2,
  info = 3,
  meta_context = 4,
  error_unsupported = 0x80000001,
  error_policy = 0x80000002,
  error_invalid = 0x80000003,
  error_unknown = 0x80000006,
  error_too_big = 0x80000009,
};

enum class info_kind : std::uint16_t { export_ = 0, name = 1, description = 2, block_size = 3 };

namespace transmission_flag {
inline constexpr std::uint16_t has_flags = 1 << 0;
inline constexpr std::uint16_t read_only = 1 << 1;
inline constexpr std::uint16_t flush = 1 << 2;
inline constexpr std::uint16_t fua = 1 << 3;
inline constexpr std::uint16_t trim = 1 << 5;
inline constexpr std::uint16_t write_zeroes = 1 << 6;
inline constexpr std::uint16_t dont_fragment = 1 << 7;
inline constexpr std::uint16_t multi_conn = 1 << 8;
inline constexpr std::uint16_t cache = 1 << 10;
} // namespace transmission_flag

namespace command_flag {
inline constexpr std::uint16_t fua = 1 << 0;
inline constexpr std::uint16_t no_hole = 1 << 1;
inline constexpr std::uint16_t dont_fragment = 1 << 2;
inline constexpr std::uint16_t one_status = 1 << 3;
} // namespace command_flag

enum class wire_command : std::uint16_t {
  read = 0,
  write = 1,
  disconnect = 2,
  flush = 3,
  trim = 4,
  cache = 5,
  write_zeroes = 6,
  block_status = 7,
};

enum class chunk : std::uint16_t { none = 0, data = 1, block_status = 5, error = 0x8001 };
inline constexpr std::uint16_t chunk_done = 1;

/// Error numbers on the wire: fixed by the protocol, whatever the machine's errno says.
enum class wire_error : std::uint32_t {
  none = 0,
  permission = 1,
  io = 5,
  no_memory = 12,
  invalid = 22,
  no_space = 28,
  overflow = 75,
  unsupported = 95,
  shutdown = 108,
};

wire_error to_wire(errc code);

inline constexpr std::uint32_t allocation_context_id = 1;
inline constexpr std::string_view allocation_context = "base:allocation";
inline constexpr std::uint32_t status_hole = 1;
inline constexpr std::uint32_t status_zero = 2;

inline constexpr std::uint32_t block_bytes_min = 1;
inline constexpr std::uint32_t block_bytes_preferred = 4096;
/// Longest READ or WRITE. A longer READ is refused, a longer WRITE ends the connection, as the protocol
/// allows.
inline constexpr std::uint32_t payload_bytes_max = 32u << 20;

/// A request's 28 bytes.
struct wire_request {
  std::uint16_t flags = 0;
  wire_command type{};
  std::uint64_t cookie = 0;
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
};
inline constexpr std::size_t request_bytes = 28;
/// `at` has request_bytes. Nothing if the magic is wrong.
std::optional<wire_request> parse_request(const std::byte* at);
void encode_request(const wire_request& what, std::byte* at);

inline constexpr std::size_t simple_header_bytes = 16;
void encode_simple(std::uint64_t cookie, wire_error error, std::byte* at);

inline constexpr std::size_t chunk_header_bytes = 20;
/// `length` is that of the chunk's payload, which follows. Every reply of ours is one chunk: it is the last.
void encode_chunk(std::uint64_t cookie, chunk kind, std::uint32_t length, std::byte* at);

/// What a client may do on an export, as the handshake tells it.
std::uint16_t transmission_flags(const export_info& about, bool structured);

/// What both sides agreed on in the handshake.
struct agreement {
  bool structured = false;
  bool allocation = false; ///< BLOCK_STATUS of base:allocation was asked for.
};

/// What is to be done with a request.
struct judgement {
  enum class what : std::uint8_t {
    start,      ///< `ask` goes to the device.
    status,     ///< BLOCK_STATUS of `ask`'s range.
    nothing,    ///< Answer well at once: it has no length.
    refuse,     ///< Answer `error`; a WRITE's payload is skipped.
    disconnect, ///< The client takes its leave.
    drop,       ///< No answer is possible.
  };
  what verdict = what::drop;
  wire_error error = wire_error::none;
  request ask{};
  std::uint32_t payload_bytes = 0; ///< Follows the request on the wire.
};
judgement judge(const wire_request& what, const export_info& about, const agreement& agreed);

} // namespace forerun::nbd
