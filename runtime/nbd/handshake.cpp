#include "runtime/nbd/handshake.hpp"
#include "runtime/base/bytes.hpp"
#include <algorithm>

namespace forerun::nbd {

namespace {

constexpr auto big = std::endian::big;
using writer = byte_writer<big>;
using reader = byte_reader<big>;
constexpr std::size_t option_header_bytes = 16;
constexpr std::size_t old_padding_bytes = 124;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}

std::string text_of(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

void put_reply(std::vector<std::byte>& out, option what, option_reply kind,
               std::span<const std::byte> data = {}) {
  writer to{out};
  to.put(magic::option_reply);
  to.put(static_cast<std::uint32_t>(what));
  to.put(static_cast<std::uint32_t>(kind));
  to.put(static_cast<std::uint32_t>(data.size()));
  to.put_bytes(data);
}

void put_error(std::vector<std::byte>& out, option what, option_reply kind, std::string_view why) {
  put_reply(out, what, kind, bytes_of(why));
}

void put_info(std::vector<std::byte>& out, option what, info_kind kind, std::span<const std::byte> data) {
  std::vector<std::byte> payload;
  writer to{payload};
  to.put(static_cast<std::uint16_t>(kind));
  to.put_bytes(data);
  put_reply(out, what, option_reply::info, payload);
}

void put_export(std::vector<std::byte>& out, option what, const export_info& about, bool structured) {
  std::vector<std::byte> payload;
  writer to{payload};
  to.put(about.bytes);
  to.put(transmission_flags(about, structured));
  put_info(out, what, info_kind::export_, payload);
}

void put_block_size(std::vector<std::byte>& out, option what) {
  std::vector<std::byte> payload;
  writer to{payload};
  to.put(block_bytes_min);
  to.put(block_bytes_preferred);
  to.put(payload_bytes_max);
  put_info(out, what, info_kind::block_size, payload);
}

} // namespace

handshake::handshake(const handshake_limits& limits, exports& names, std::optional<std::string> bound)
    : limits_(limits), names_(names), bound_(std::move(bound)) {
}

void handshake::greet(std::vector<std::byte>& out) {
  writer to{out};
  to.put(magic::hello);
  to.put(magic::option);
  to.put(static_cast<std::uint16_t>(handshake_flag::fixed_newstyle | handshake_flag::no_zeroes));
}

std::size_t handshake::take(std::span<const std::byte> input, std::vector<std::byte>& out) {
  if (state_ != state::talking)
    return 0;
  if (skip_ > 0) {
    const auto count = std::min<std::uint64_t>(skip_, input.size());
    skip_ -= count;
    wanted_ = skip_ > 0 ? 1 : option_header_bytes;
    return count;
  }
  if (!flags_taken_)
    return take_flags(input);
  wanted_ = option_header_bytes;
  if (input.size() < option_header_bytes)
    return 0;
  const auto what = static_cast<option>(get_number<std::uint32_t, big>(input.data() + 8));
  const auto length = get_number<std::uint32_t, big>(input.data() + 12);
  if (get_number<std::uint64_t, big>(input.data()) != magic::option || ++options_ > limits_.options_max ||
      (!fixed_ && what != option::export_name)) {
    state_ = state::over;
    return option_header_bytes;
  }
  if (length > limits_.option_bytes_max) {
    // EXPORT_NAME has no way to say no.
    if (what == option::export_name)
      state_ = state::over;
    else
      put_error(out, what, option_reply::error_too_big, "option too long");
    skip_ = length;
    wanted_ = 1;
    return option_header_bytes;
  }
  if (input.size() - option_header_bytes < length) {
    --options_; // It is looked at again when it is complete.
    wanted_ = option_header_bytes + length;
    return 0;
  }
  answer(what, input.subspan(option_header_bytes, length), out);
  return option_header_bytes + length;
}

std::size_t handshake::take_flags(std::span<const std::byte> input) {
  if (input.size() < wanted_)
    return 0;
  const auto flags = get_number<std::uint32_t, big>(input.data());
  const std::uint32_t known = handshake_flag::fixed_newstyle | handshake_flag::no_zeroes;
  if ((flags & ~known) != 0)
    state_ = state::over;
  fixed_ = (flags & handshake_flag::fixed_newstyle) != 0;
  zeroes_ = (flags & handshake_flag::no_zeroes) == 0;
  flags_taken_ = true;
  wanted_ = option_header_bytes;
  return 4;
}

void handshake::answer(option what, std::span<const std::byte> data, std::vector<std::byte>& out) {
  switch (what) {
  case option::export_name:
    return export_name(data, out);
  case option::abort:
    put_reply(out, what, option_reply::ack);
    state_ = state::over;
    return;
  case option::list:
    return list(data, out);
  case option::info:
  case option::go:
    return info_or_go(what, data, out);
  case option::structured_reply:
    if (!data.empty())
      return put_error(out, what, option_reply::error_invalid, "no data is allowed here");
    agreed_.structured = true;
    return put_reply(out, what, option_reply::ack);
  case option::list_meta_context:
  case option::set_meta_context:
    return meta_context(what, data, out);
  case option::starttls:
    if (!data.empty())
      return put_error(out, what, option_reply::error_invalid, "no data is allowed here");
    return put_error(out, what, option_reply::error_unsupported, "TLS is not offered");
  }
  put_error(out, what, option_reply::error_unsupported, "unknown option");
}

void handshake::export_name(std::span<const std::byte> data, std::vector<std::byte>& out) {
  auto found = data.size() <= limits_.name_bytes_max ? find(text_of(data)) : nullptr;
  if (!found) {
    state_ = state::over;
    return;
  }
  writer to{out};
  to.put(found->info().bytes);
  to.put(transmission_flags(found->info(), agreed_.structured));
  if (zeroes_)
    out.resize(out.size() + old_padding_bytes);
  agreed_.allocation = context_export_ == real_name(text_of(data));
  chosen_ = std::move(found);
  state_ = state::agreed;
}

void handshake::list(std::span<const std::byte> data, std::vector<std::byte>& out) {
  if (!data.empty())
    return put_error(out, option::list, option_reply::error_invalid, "no data is allowed here");
  std::size_t named = 0;
  for (const auto& about : names_.list()) {
    if (bound_ && about.name != *bound_)
      continue;
    if (named++ == limits_.list_exports_max)
      break;
    std::vector<std::byte> payload;
    writer to{payload};
    to.put(static_cast<std::uint32_t>(about.name.size()));
    to.put_bytes(bytes_of(about.name));
    to.put_bytes(bytes_of(about.description));
    put_reply(out, option::list, option_reply::server, payload);
  }
  put_reply(out, option::list, option_reply::ack);
}

void handshake::info_or_go(option what, std::span<const std::byte> data, std::vector<std::byte>& out) {
  reader from{data};
  const auto name_bytes = from.take<std::uint32_t>();
  const auto name = text_of(from.take_bytes(name_bytes));
  const auto wishes = from.take<std::uint16_t>();
  if (!from.ok() || from.left() != std::size_t{wishes} * 2)
    return put_error(out, what, option_reply::error_invalid, "malformed");
  if (name.size() > limits_.name_bytes_max)
    return put_error(out, what, option_reply::error_too_big, "name too long");
  auto found = find(name);
  if (!found)
    return put_error(out, what, option_reply::error_unknown, "no such export");
  const auto& about = found->info();
  put_export(out, what, about, agreed_.structured);
  put_block_size(out, what);
  bool named = false;
  bool described = false;
  // Each is told once, however often it was asked for.
  for (unsigned i = 0; i < wishes; ++i) {
    const auto wish = static_cast<info_kind>(from.take<std::uint16_t>());
    if (wish == info_kind::name && !std::exchange(named, true))
      put_info(out, what, wish, bytes_of(about.name));
    if (wish == info_kind::description && !about.description.empty() && !std::exchange(described, true))
      put_info(out, what, wish, bytes_of(about.description));
  }
  put_reply(out, what, option_reply::ack);
  if (what != option::go)
    return;
  agreed_.allocation = context_export_ == real_name(name);
  chosen_ = std::move(found);
  state_ = state::agreed;
}

void handshake::meta_context(option what, std::span<const std::byte> data, std::vector<std::byte>& out) {
  reader from{data};
  const auto name_bytes = from.take<std::uint32_t>();
  const auto name = text_of(from.take_bytes(name_bytes));
  const auto queries = from.take<std::uint32_t>();
  bool wanted = what == option::list_meta_context && queries == 0;
  for (std::uint32_t i = 0; i < queries && from.ok(); ++i) {
    const auto query_bytes = from.take<std::uint32_t>();
    const auto query = text_of(from.take_bytes(query_bytes));
    wanted |= query == allocation_context || (what == option::list_meta_context && query == "base:");
  }
  if (what == option::set_meta_context)
    context_export_.reset(); // Whatever comes of it, the earlier choice is void.
  if (!from.ok() || from.left() > 0)
    return put_error(out, what, option_reply::error_invalid, "malformed");
  if (!agreed_.structured)
    return put_error(out, what, option_reply::error_invalid, "structured replies come first");
  if (name.size() > limits_.name_bytes_max)
    return put_error(out, what, option_reply::error_too_big, "name too long");
  if (!find(name))
    return put_error(out, what, option_reply::error_unknown, "no such export");
  if (wanted) {
    std::vector<std::byte> payload;
    writer to{payload};
    to.put(what == option::set_meta_context ? allocation_context_id : 0u);
    to.put_bytes(bytes_of(allocation_context));
    put_reply(out, what, option_reply::meta_context, payload);
    if (what == option::set_meta_context)
      context_export_ = real_name(name);
  }
  put_reply(out, what, option_reply::ack);
}

std::string handshake::real_name(std::string name) const {
  return bound_ && name.empty() ? *bound_ : std::move(name);
}

std::shared_ptr<device> handshake::find(const std::string& name) {
  const auto real = real_name(name);
  if (bound_ && real != *bound_)
    return nullptr;
  return names_.find(real);
}

} // namespace forerun::nbd
