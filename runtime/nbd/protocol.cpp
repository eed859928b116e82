#include "runtime/nbd/protocol.hpp"
#include "runtime/base/bytes.hpp"

namespace forerun::nbd {

namespace {

constexpr auto big = std::endian::big;

std::uint16_t flags_allowed(wire_command type) {
  // FUA may come with every command; it means something only for those that change data.
  switch (type) {
  case wire_command::read:
    return command_flag::fua | command_flag::dont_fragment;
  case wire_command::write_zeroes:
    return command_flag::fua | command_flag::no_hole;
  case wire_command::block_status:
    return command_flag::fua | command_flag::one_status;
  default:
    return command_flag::fua;
  }
}

bool changes_data(wire_command type) {
  return type == wire_command::write || type == wire_command::trim || type == wire_command::write_zeroes;
}

std::optional<command> to_command(wire_command type) {
  switch (type) {
  case wire_command::read:
    return command::read;
  case wire_command::write:
    return command::write;
  case wire_command::flush:
    return command::flush;
  case wire_command::trim:
    return command::trim;
  case wire_command::cache:
    return command::cache;
  case wire_command::write_zeroes:
    return command::write_zeroes;
  default:
    return std::nullopt;
  }
}

wire_error fault_of(const wire_request& what, const export_info& about, const agreement& agreed) {
  const bool status = what.type == wire_command::block_status;
  if (!status && !to_command(what.type))
    return wire_error::invalid;
  if (status && (!agreed.allocation || what.length == 0))
    return wire_error::invalid;
  if ((what.flags & ~flags_allowed(what.type)) != 0)
    return wire_error::invalid;
  if ((what.flags & command_flag::dont_fragment) != 0 && !agreed.structured)
    return wire_error::invalid;
  if (about.read_only && changes_data(what.type))
    return wire_error::permission;
  if (what.type == wire_command::flush)
    return wire_error::none;
  if (what.type == wire_command::read && what.length > payload_bytes_max)
    return wire_error::invalid;
  if (what.offset > about.bytes || what.length > about.bytes - what.offset) {
    const bool grows = what.type == wire_command::write || what.type == wire_command::write_zeroes;
    return grows ? wire_error::no_space : wire_error::invalid;
  }
  return wire_error::none;
}

} // namespace

wire_error to_wire(errc code) {
  switch (code) {
  case errc::invalid_argument:
  case errc::out_of_range:
    return wire_error::invalid;
  case errc::read_only:
  case errc::permission_denied:
    return wire_error::permission;
  case errc::no_space:
    return wire_error::no_space;
  case errc::overloaded:
    return wire_error::no_memory;
  case errc::unsupported:
    return wire_error::unsupported;
  case errc::cancelled:
    return wire_error::shutdown;
  default:
    return wire_error::io;
  }
}

std::optional<wire_request> parse_request(const std::byte* at) {
  if (get_number<std::uint32_t, big>(at) != magic::request)
    return std::nullopt;
  return wire_request{.flags = get_number<std::uint16_t, big>(at + 4),
                      .type = static_cast<wire_command>(get_number<std::uint16_t, big>(at + 6)),
                      .cookie = get_number<std::uint64_t, big>(at + 8),
                      .offset = get_number<std::uint64_t, big>(at + 16),
                      .length = get_number<std::uint32_t, big>(at + 24)};
}

void encode_request(const wire_request& what, std::byte* at) {
  put_number<std::uint32_t, big>(at, magic::request);
  put_number<std::uint16_t, big>(at + 4, what.flags);
  put_number<std::uint16_t, big>(at + 6, static_cast<std::uint16_t>(what.type));
  put_number<std::uint64_t, big>(at + 8, what.cookie);
  put_number<std::uint64_t, big>(at + 16, what.offset);
  put_number<std::uint32_t, big>(at + 24, what.length);
}

void encode_simple(std::uint64_t cookie, wire_error error, std::byte* at) {
  put_number<std::uint32_t, big>(at, magic::simple_reply);
  put_number<std::uint32_t, big>(at + 4, static_cast<std::uint32_t>(error));
  put_number<std::uint64_t, big>(at + 8, cookie);
}

void encode_chunk(std::uint64_t cookie, chunk kind, std::uint32_t length, std::byte* at) {
  put_number<std::uint32_t, big>(at, magic::structured_reply);
  put_number<std::uint16_t, big>(at + 4, chunk_done);
  put_number<std::uint16_t, big>(at + 6, static_cast<std::uint16_t>(kind));
  put_number<std::uint64_t, big>(at + 8, cookie);
  put_number<std::uint32_t, big>(at + 16, length);
}

std::uint16_t transmission_flags(const export_info& about, bool structured) {
  namespace flag = transmission_flag;
  // Every connection sees what every other wrote as soon as that was answered: multi_conn holds.
  unsigned flags = flag::has_flags | flag::flush | flag::fua | flag::multi_conn | flag::cache;
  flags |= about.read_only ? flag::read_only : flag::trim | flag::write_zeroes;
  if (structured)
    flags |= flag::dont_fragment;
  return static_cast<std::uint16_t>(flags);
}

judgement judge(const wire_request& what, const export_info& about, const agreement& agreed) {
  using decided = judgement::what;
  judgement out;
  if (what.type == wire_command::disconnect) {
    out.verdict = decided::disconnect;
    return out;
  }
  if (what.type == wire_command::write) {
    if (what.length > payload_bytes_max)
      return out;
    out.payload_bytes = what.length;
  }
  out.error = fault_of(what, about, agreed);
  if (out.error != wire_error::none) {
    out.verdict = decided::refuse;
    return out;
  }
  const bool status = what.type == wire_command::block_status;
  out.ask.kind = to_command(what.type).value_or(command::read);
  out.ask.fua = (what.flags & command_flag::fua) != 0 && changes_data(what.type);
  out.ask.keep_space = (what.flags & command_flag::no_hole) != 0;
  const bool ranged = what.type != wire_command::flush;
  out.ask.offset = ranged ? what.offset : 0;
  out.ask.length = ranged ? what.length : 0;
  if (status)
    out.verdict = decided::status;
  else
    out.verdict = ranged && what.length == 0 ? decided::nothing : decided::start;
  return out;
}

} // namespace forerun::nbd
