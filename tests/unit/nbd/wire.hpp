#pragma once
#include "runtime/base/bytes.hpp"
#include "runtime/nbd/session.hpp"
#include <stdexcept>

/// What a client writes and reads, as bytes: for tests that speak to the state machines themselves.
namespace forerun::nbd::wire {

using bytes = std::vector<std::byte>;
using writer = byte_writer<std::endian::big>;
using reader = byte_reader<std::endian::big>;

inline bytes text(std::string_view what) {
  const auto data = std::as_bytes(std::span{what.data(), what.size()});
  return {data.begin(), data.end()};
}

inline bytes operator+(bytes left, const bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

inline bytes hello(std::uint32_t flags = handshake_flag::fixed_newstyle | handshake_flag::no_zeroes) {
  bytes out;
  writer{out}.put(flags);
  return out;
}

inline bytes option_of(std::uint32_t what, const bytes& data = {}) {
  bytes out;
  writer to{out};
  to.put(magic::option);
  to.put(what);
  to.put(static_cast<std::uint32_t>(data.size()));
  to.put_bytes(data);
  return out;
}
inline bytes option_of(option what, const bytes& data = {}) {
  return option_of(static_cast<std::uint32_t>(what), data);
}

/// The data of INFO and GO.
inline bytes chosen(std::string_view name, const std::vector<std::uint16_t>& wishes = {}) {
  bytes out;
  writer to{out};
  to.put(static_cast<std::uint32_t>(name.size()));
  to.put_bytes(text(name));
  to.put(static_cast<std::uint16_t>(wishes.size()));
  for (const auto wish : wishes)
    to.put(wish);
  return out;
}

/// The data of LIST_META_CONTEXT and SET_META_CONTEXT.
inline bytes contexts(std::string_view name, const std::vector<std::string>& queries) {
  bytes out;
  writer to{out};
  to.put(static_cast<std::uint32_t>(name.size()));
  to.put_bytes(text(name));
  to.put(static_cast<std::uint32_t>(queries.size()));
  for (const auto& query : queries) {
    to.put(static_cast<std::uint32_t>(query.size()));
    to.put_bytes(text(query));
  }
  return out;
}

inline bytes ask(wire_command type, std::uint64_t offset, std::uint32_t length, std::uint64_t cookie = 1,
                 std::uint16_t flags = 0) {
  bytes out(request_bytes);
  encode_request({flags, type, cookie, offset, length}, out.data());
  return out;
}

struct option_answer {
  std::uint32_t to = 0;
  std::uint32_t kind = 0;
  bytes data;
};

/// The answers of a handshake, in order.
inline std::vector<option_answer> option_answers(std::span<const std::byte> from) {
  std::vector<option_answer> out;
  reader in{from};
  while (in.left() > 0) {
    if (in.take<std::uint64_t>() != magic::option_reply)
      throw std::runtime_error{"no option reply"};
    option_answer each;
    each.to = in.take<std::uint32_t>();
    each.kind = in.take<std::uint32_t>();
    const auto data = in.take_bytes(in.take<std::uint32_t>());
    each.data.assign(data.begin(), data.end());
    if (!in.ok())
      throw std::runtime_error{"a short option reply"};
    out.push_back(each);
  }
  return out;
}

/// A reply to a request, simple or of one chunk.
struct reply {
  std::uint64_t cookie = 0;
  wire_error error = wire_error::none;
  bool structured = false;
  chunk kind = chunk::none;
  bytes data; ///< Of a read; of a block status all of its chunk.
};

/// Takes one reply off the front. `read_bytes`: what a simple reply to a read has.
inline reply take_reply(reader& in, std::size_t read_bytes = 0) {
  reply out;
  const auto kind = in.take<std::uint32_t>();
  bytes data;
  const auto keep = [&](std::size_t count) {
    const auto taken = in.take_bytes(count);
    out.data.assign(taken.begin(), taken.end());
  };
  if (kind == magic::simple_reply) {
    out.error = static_cast<wire_error>(in.take<std::uint32_t>());
    out.cookie = in.take<std::uint64_t>();
    keep(out.error == wire_error::none ? read_bytes : 0);
  } else if (kind == magic::structured_reply) {
    out.structured = true;
    if (in.take<std::uint16_t>() != chunk_done)
      throw std::runtime_error{"more than one chunk"};
    out.kind = static_cast<chunk>(in.take<std::uint16_t>());
    out.cookie = in.take<std::uint64_t>();
    std::size_t left = in.take<std::uint32_t>();
    if (out.kind == chunk::data) {
      in.take<std::uint64_t>();
      left -= 8;
    } else if (out.kind == chunk::error) {
      out.error = static_cast<wire_error>(in.take<std::uint32_t>());
      left -= 4;
    }
    keep(left);
  } else {
    throw std::runtime_error{"no reply"};
  }
  if (!in.ok())
    throw std::runtime_error{"a short reply"};
  return out;
}

/// All bytes of a batch.
inline bytes flat(reply_batch& batch) {
  bytes out;
  for (const auto& piece : batch.pieces()) {
    const auto* at = static_cast<const std::byte*>(piece.iov_base);
    out.insert(out.end(), at, at + piece.iov_len);
  }
  return out;
}

} // namespace forerun::nbd::wire
