#include "runtime/nbd/session.hpp"
#include "runtime/base/bytes.hpp"
#include <algorithm>

namespace forerun::nbd {

namespace {

constexpr auto big = std::endian::big;
constexpr std::size_t read_header_bytes = chunk_header_bytes + 8; // The chunk's offset follows its header.
constexpr std::size_t error_payload_bytes = 6;                    // Error number, then a message of length 0.
constexpr std::size_t status_ranges_max = 1024;
constexpr std::size_t status_counter = request_kinds - 1;
static_assert(read_header_bytes <= reply_batch::header_bytes_max);

} // namespace

session::session(const session_limits& limits, exports& names, std::optional<std::string> bound,
                 session_place place, io_counters& count)
    : limits_(limits), place_(place), count_(count) {
  handshake_.emplace(limits_.handshake, names, std::move(bound));
  wanted_ = handshake_->wanted();
}

void session::greet(reply_batch& out) {
  std::vector<std::byte> bytes;
  handshake::greet(bytes);
  out.open_reply();
  out.add_copy(bytes);
  out.close_reply(0);
}

session::progress session::take(std::span<const std::byte> input, instant now, reply_batch& out) {
  std::size_t consumed = 0;
  if (!draining_ && handshake_) {
    const auto talked = negotiate(input, out);
    if (handshake_)
      return talked;
    consumed = talked.consumed;
  }
  if (draining_)
    return {consumed, wait::drain};
  auto sent = transmit(input.subspan(consumed), now, out);
  sent.consumed += consumed;
  return sent;
}

session::progress session::negotiate(std::span<const std::byte> input, reply_batch& out) {
  std::size_t used = 0;
  std::vector<std::byte> said;
  wait on = wait::input;
  for (;;) {
    if (out.bytes() + said.size() >= reply_batch::bytes_max) {
      on = wait::output;
      break;
    }
    const auto count = handshake_->take(input.subspan(used), said);
    used += count;
    if (handshake_->now() == handshake::state::over) {
      on = wait::over;
      break;
    }
    if (handshake_->now() == handshake::state::agreed || count == 0)
      break;
  }
  if (!said.empty()) {
    out.open_reply();
    out.add_copy(said);
    out.close_reply(0);
  }
  wanted_ = handshake_->wanted();
  if (handshake_->now() == handshake::state::agreed)
    begin_transmission();
  return {used, on};
}

void session::begin_transmission() {
  device_ = handshake_->chosen();
  agreed_ = handshake_->agreed();
  handshake_.reset();
  wanted_ = request_bytes;
  open_.resize(limits_.requests_open_max);
  free_.resize(limits_.requests_open_max);
  for (std::uint32_t i = 0; i < limits_.requests_open_max; ++i)
    free_[i] = limits_.requests_open_max - 1 - i;
  device_->attached(place_.slot);
}

session::progress session::transmit(std::span<const std::byte> input, instant now, reply_batch& out) {
  using decided = judgement::what;
  std::size_t used = 0;
  for (;;) {
    if (skip_ > 0) {
      const auto count = std::min<std::uint64_t>(skip_, input.size() - used);
      skip_ -= count;
      used += count;
      wanted_ = skip_ > 0 ? 1 : request_bytes;
    }
    const auto rest = input.subspan(used);
    if (rest.size() < wanted_)
      return {used, wait::input};
    if (out.full())
      return {used, wait::output};
    const auto parsed = parse_request(rest.data());
    if (!parsed)
      return {used, wait::over};
    auto judged = judge(*parsed, device_->info(), agreed_);
    std::size_t payload = 0;
    switch (judged.verdict) {
    case decided::start:
      payload = judged.payload_bytes;
      if (rest.size() - request_bytes < payload) {
        wanted_ = request_bytes + payload;
        return {used, wait::input};
      }
      wanted_ = request_bytes;
      if (!has_room_for(judged.ask))
        return {used, wait::completion};
      judged.ask.arrived = now;
      if (!start(*parsed, judged.ask, rest.subspan(request_bytes, payload), out))
        return {used, wait::retry};
      break;
    case decided::status:
      count_.requests[status_counter].add(1);
      reply_status(parsed->cookie, judged.ask, (parsed->flags & command_flag::one_status) != 0, out);
      break;
    case decided::nothing:
      reply_plain(parsed->cookie, wire_error::none, out);
      break;
    case decided::refuse:
      count_.requests_refused.add(1);
      reply_plain(parsed->cookie, judged.error, out);
      skip_ = judged.payload_bytes;
      break;
    case decided::disconnect:
      draining_ = true;
      return {used + request_bytes, wait::drain};
    case decided::drop:
      return {used, wait::over};
    }
    used += request_bytes + payload;
  }
}

bool session::has_room_for(const request& what) const {
  return open_count_ == 0 || (!free_.empty() && open_bytes_ + what.length <= limits_.bytes_open_max);
}

/// False: the device stalls.
bool session::start(const wire_request& from, request& what, std::span<const std::byte> payload,
                    reply_batch& out) {
  const auto index = free_.back();
  auto* header = out.open_reply();
  const ticket later{.slot = place_.slot.value,
                     .connection = place_.connection,
                     .generation = place_.generation,
                     .request = id_of(index)};
  const auto begun = device_->start(place_.slot, what, payload, out, later);
  if (begun.what == verdict::stalled) {
    out.undo_reply();
    count_.stalls.add(1);
    return false;
  }
  count_.requests[static_cast<std::size_t>(what.kind)].add(1);
  if (begun.what == verdict::pending) {
    out.undo_reply();
    free_.pop_back();
    auto& entry = open_[index];
    entry.cookie = from.cookie;
    entry.what = what;
    entry.used = true;
    ++open_count_;
    open_bytes_ += what.length;
    return true;
  }
  if (begun.what == verdict::failed)
    reply(from.cookie, what, begun.error, header, out);
  else
    reply(from.cookie, what, begun.how, header, out);
  return true;
}

std::uint32_t session::id_of(std::uint32_t index) const {
  return open_[index].round << 16 | index;
}

void session::complete(std::uint32_t request_id, const result<answer>& how, owned_bytes data,
                       reply_batch& out) {
  const auto index = request_id & 0xffff;
  if (index >= open_.size() || !open_[index].used || id_of(index) != request_id)
    return;
  auto& entry = open_[index];
  entry.used = false;
  ++entry.round;
  free_.push_back(index);
  --open_count_;
  open_bytes_ -= entry.what.length;
  auto* header = out.open_reply();
  if (how && data)
    out.add_owned(std::move(data));
  reply(entry.cookie, entry.what, how, header, out);
}

/// Ends the reply that was opened with `header`, whose data has been added.
void session::reply(std::uint64_t cookie, const request& what, const result<answer>& how, std::byte* header,
                    reply_batch& out) {
  const std::size_t length = what.kind == command::read ? what.length : 0;
  auto outcome_told = how ? how.value() : answer{.how = outcome::failed};
  auto error = how ? wire_error::none : to_wire(how.error());
  if (how && out.added() != length) {
    // A device that gave too much or too little must not put its client out of step.
    error = wire_error::io;
    outcome_told = answer{.how = outcome::failed};
  }
  out.remember(what, outcome_told);
  if (error != wire_error::none) {
    count_.errors.add(1);
    out.drop_added();
    out.close_reply(encode_plain(cookie, error, header));
    return;
  }
  count_good(what);
  if (what.kind == command::read && agreed_.structured) {
    encode_chunk(cookie, chunk::data, static_cast<std::uint32_t>(8 + length), header);
    put_number<std::uint64_t, big>(header + chunk_header_bytes, what.offset);
    out.close_reply(read_header_bytes);
    return;
  }
  out.close_reply(encode_plain(cookie, error, header));
}

void session::reply_plain(std::uint64_t cookie, wire_error error, reply_batch& out) {
  auto* header = out.open_reply();
  out.close_reply(encode_plain(cookie, error, header));
}

std::size_t session::encode_plain(std::uint64_t cookie, wire_error error, std::byte* header) const {
  if (!agreed_.structured) {
    encode_simple(cookie, error, header);
    return simple_header_bytes;
  }
  if (error == wire_error::none) {
    encode_chunk(cookie, chunk::none, 0, header);
    return chunk_header_bytes;
  }
  encode_chunk(cookie, chunk::error, error_payload_bytes, header);
  put_number<std::uint32_t, big>(header + chunk_header_bytes, static_cast<std::uint32_t>(error));
  put_number<std::uint16_t, big>(header + chunk_header_bytes + 4, 0);
  return chunk_header_bytes + error_payload_bytes;
}

void session::reply_status(std::uint64_t cookie, const request& what, bool one, reply_batch& out) {
  const auto ranges = device_->block_status(what.offset, what.length, one ? 1 : status_ranges_max);
  std::vector<std::byte> payload;
  byte_writer<big> to{payload};
  to.put(allocation_context_id);
  std::uint64_t left = what.length;
  const auto put = [&](std::uint64_t length, std::uint32_t flags) {
    to.put(static_cast<std::uint32_t>(length));
    to.put(flags);
    left -= length;
  };
  const auto told = std::min(ranges.size(), one ? 1 : status_ranges_max);
  for (std::size_t i = 0; i < told && left > 0; ++i)
    if (ranges[i].length > 0)
      put(std::min(ranges[i].length, left),
          (ranges[i].hole ? status_hole : 0) | (ranges[i].zero ? status_zero : 0));
  if (left == what.length)
    put(left, 0); // The device knows nothing: the range is allocated.
  auto* header = out.open_reply();
  out.add_copy(payload);
  encode_chunk(cookie, chunk::block_status, static_cast<std::uint32_t>(payload.size()), header);
  out.close_reply(chunk_header_bytes);
}

void session::count_good(const request& what) {
  if (what.kind == command::read)
    count_.bytes_read.add(what.length);
  else if (what.kind == command::write)
    count_.bytes_written.add(what.length);
}

void session::sent(const reply_batch& batch, instant now) {
  for (const auto& [what, how] : batch.notes())
    device_->answered(place_.slot, what, how, now);
}

void session::abandon(instant now) {
  draining_ = true;
  if (!device_)
    return;
  for (auto& entry : open_)
    if (std::exchange(entry.used, false))
      device_->answered(place_.slot, entry.what, answer{.how = outcome::failed}, now);
  open_count_ = 0;
  device_->detached(place_.slot);
}

} // namespace forerun::nbd
