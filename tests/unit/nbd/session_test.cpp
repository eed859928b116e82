#include "runtime/nbd/session.hpp"
#include "tests/unit/nbd/scripted_device.hpp"
#include "tests/unit/nbd/wire.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::nbd;
using namespace forerun::nbd::wire;
using wait = session::wait;

namespace {

constexpr std::uint16_t dont_fragment = command_flag::dont_fragment;

/// A session past its handshake, spoken to in bytes.
struct dialogue {
  exports_map names;
  std::shared_ptr<scripted_device> disk;
  io_counters count;
  std::optional<session> with;
  reply_batch batch;
  instant now{std::chrono::seconds{5}};

  explicit dialogue(bool structured = false, session_limits limits = {}, std::uint64_t size = 64u << 20) {
    disk = std::make_shared<scripted_device>(
        export_info{.name = "a", .description = "", .bytes = size, .read_only = false});
    for (std::size_t i = 0; i < disk->bytes().size(); i += 509)
      disk->bytes()[i] = static_cast<std::byte>(i >> 9);
    names.add(disk);
    with.emplace(limits, names, std::nullopt, session_place{{3}, 4, 5}, count);
    auto input = hello();
    if (structured)
      input = input + option_of(option::structured_reply) +
              option_of(option::set_meta_context, contexts("a", {"base:allocation"}));
    CHECK(take(input + option_of(option::go, chosen("a"))).on == wait::input);
    flush();
  }

  session::progress take(const bytes& input) { return with->take(input, now, batch); }
  bytes flush() {
    auto out = flat(batch);
    with->sent(batch, now);
    batch.reset();
    return out;
  }
  /// One request, one reply.
  reply exchange(const bytes& input, std::size_t read_bytes = 0) {
    const auto done = take(input);
    CHECK(done.consumed == input.size());
    CHECK(done.on == wait::input);
    const auto out = flush();
    reader in{out};
    const auto got = take_reply(in, read_bytes);
    CHECK(in.left() == 0);
    return got;
  }
  bytes content(std::size_t from, std::size_t length) {
    const auto begin = disk->bytes().begin() + static_cast<std::ptrdiff_t>(from);
    return {begin, begin + static_cast<std::ptrdiff_t>(length)};
  }
};

} // namespace

TEST_CASE("a read is answered with the device's bytes, simple or structured as agreed") {
  dialogue plain;
  auto got = plain.exchange(ask(wire_command::read, 1000, 9000, 77), 9000);
  CHECK_FALSE(got.structured);
  CHECK(got.cookie == 77);
  CHECK(got.data == plain.content(1000, 9000));
  dialogue chunked{true};
  got = chunked.exchange(ask(wire_command::read, 1000, 9000, 78, dont_fragment));
  CHECK(got.kind == chunk::data);
  CHECK(got.cookie == 78);
  CHECK(got.data == chunked.content(1000, 9000));
}

TEST_CASE("a write waits until all of its payload is in one piece") {
  dialogue to;
  const auto header = ask(wire_command::write, 4096, 100000);
  bytes payload(100000, std::byte{9});
  CHECK(to.take(header).on == wait::input);
  CHECK(to.with->wanted() == header.size() + payload.size());
  CHECK(to.take(header + bytes(99999)).consumed == 0);
  CHECK(to.exchange(header + payload).error == wire_error::none);
  CHECK(to.content(4096, 100000) == payload);
  CHECK(to.with->wanted() == request_bytes);
}

TEST_CASE("requests that come together are answered together, in order") {
  dialogue to;
  bytes input;
  for (std::uint64_t i = 0; i < 40; ++i)
    input = input + ask(wire_command::read, i * 4096, 4096, i);
  CHECK(to.take(input + bytes(5)).consumed == input.size());
  const auto out = to.flush();
  reader in{out};
  for (std::uint64_t i = 0; i < 40; ++i)
    CHECK(take_reply(in, 4096).cookie == i);
  CHECK(to.disk->answered_count == 40);
}

TEST_CASE("a full batch is sent before more is taken") {
  dialogue to;
  bytes input;
  for (std::uint64_t i = 0; i < 3; ++i)
    input = input + ask(wire_command::read, 0, 1u << 20, i);
  const auto done = to.take(input);
  CHECK(done.on == wait::output);
  CHECK(done.consumed == request_bytes);
}

TEST_CASE("a refused write's payload is skipped and the next request understood") {
  dialogue to;
  const auto bad = ask(wire_command::write, 64u << 20, 1000, 1) + bytes(1000);
  const auto good = ask(wire_command::read, 0, 10, 2);
  const auto input = bad + good;
  for (const std::size_t cut : {28u, 100u, 1027u, 1028u, 1040u}) {
    const bytes first{input.begin(), input.begin() + static_cast<std::ptrdiff_t>(cut)};
    auto taken = to.take(first).consumed;
    const bytes second{input.begin() + static_cast<std::ptrdiff_t>(taken), input.end()};
    CHECK(to.take(second).consumed == second.size());
    const auto out = to.flush();
    reader in{out};
    CHECK(take_reply(in).error == wire_error::no_space);
    CHECK(take_reply(in, 10).cookie == 2);
  }
  CHECK(to.disk->started_count == 5);
}

TEST_CASE("what is wrong with one request does not end the dialogue") {
  for (const bool structured : {false, true}) {
    dialogue to{structured};
    CHECK(to.exchange(ask(static_cast<wire_command>(99), 0, 10)).error == wire_error::invalid);
    CHECK(to.exchange(ask(wire_command::read, 64u << 20, 1)).error == wire_error::invalid);
    CHECK(to.exchange(ask(wire_command::read, 0, 0xffffffff)).error == wire_error::invalid);
    CHECK(to.exchange(ask(wire_command::read, 0, 0)).error == wire_error::none);
    CHECK(to.exchange(ask(wire_command::flush, 0, 0)).error == wire_error::none);
    CHECK(to.count.requests_refused.get() == 3);
  }
}

TEST_CASE("a wrong magic and an overlong write end it at once") {
  dialogue to;
  CHECK(to.take(bytes(request_bytes)).on == wait::over);
  dialogue other;
  CHECK(other.take(ask(wire_command::write, 0, payload_bytes_max + 1)).on == wait::over);
}

TEST_CASE("a device's error reaches the client, and the device hears of it as failed") {
  for (const bool structured : {false, true}) {
    dialogue to{structured};
    to.disk->next_verdict = {.what = verdict::failed, .error = errc::no_space, .how = {}};
    CHECK(to.exchange(ask(wire_command::write, 0, 4) + bytes(4)).error == wire_error::no_space);
    CHECK(to.disk->failed_count == 1);
    CHECK(to.exchange(ask(wire_command::read, 0, 4), 4).error == wire_error::none);
  }
}

TEST_CASE("a device that gives too little fails the request and keeps the client in step") {
  dialogue to;
  to.disk->give_less = true;
  CHECK(to.exchange(ask(wire_command::read, 0, 4096), 4096).error == wire_error::io);
  to.disk->give_less = false;
  CHECK(to.exchange(ask(wire_command::read, 0, 4096), 4096).error == wire_error::none);
}

TEST_CASE("later answers go out in the order in which they come") {
  for (const bool structured : {false, true}) {
    dialogue to{structured};
    to.disk->hold = true;
    CHECK(to.take(ask(wire_command::read, 0, 8, 1) + ask(wire_command::read, 8, 4, 2) +
                  ask(wire_command::flush, 0, 0, 3))
              .on == wait::input);
    CHECK(to.batch.empty());
    CHECK_FALSE(to.with->idle());
    REQUIRE(to.disk->held.size() == 3);
    CHECK(to.disk->held[0].slot == 3);
    CHECK(to.disk->held[0].connection == 4);
    CHECK(to.disk->held[0].generation == 5);
    const auto data = std::make_shared<const bytes>(4, std::byte{6});
    to.with->complete(to.disk->held[2].request, answer{}, nullptr, to.batch);
    to.with->complete(to.disk->held[1].request, answer{.how = outcome::miss}, data, to.batch);
    to.with->complete(to.disk->held[0].request, errc::timed_out, nullptr, to.batch);
    const auto out = to.flush();
    reader in{out};
    CHECK(take_reply(in).cookie == 3);
    const auto second = take_reply(in, 4);
    CHECK(second.cookie == 2);
    CHECK(second.data == *data);
    const auto third = take_reply(in);
    CHECK(third.cookie == 1);
    CHECK(third.error == wire_error::io);
    CHECK(to.with->idle());
    CHECK(to.disk->answered_count == 3);
    CHECK(to.disk->failed_count == 1);
  }
}

TEST_CASE("an answer that comes twice, or for nothing, is ignored") {
  dialogue to;
  to.disk->hold = true;
  to.take(ask(wire_command::flush, 0, 0, 1));
  const auto first = to.disk->held.at(0).request;
  to.with->complete(first, answer{}, nullptr, to.batch);
  to.take(ask(wire_command::flush, 0, 0, 2));
  to.with->complete(first, answer{}, nullptr, to.batch);
  to.with->complete(12345, answer{}, nullptr, to.batch);
  const auto out = to.flush();
  reader in{out};
  CHECK(take_reply(in).cookie == 1);
  CHECK(in.left() == 0);
  CHECK_FALSE(to.with->idle());
}

TEST_CASE("at the limit of open requests no further one is taken") {
  dialogue to{false, {.handshake = {}, .requests_open_max = 2, .bytes_open_max = 1u << 20}};
  to.disk->hold = true;
  const auto each = ask(wire_command::read, 0, 10);
  const auto done = to.take(each + each + each);
  CHECK(done.on == wait::completion);
  CHECK(done.consumed == 2 * request_bytes);
  to.with->complete(to.disk->held[0].request, errc::io_failed, nullptr, to.batch);
  CHECK(to.take(each).consumed == request_bytes);
}

TEST_CASE("at the limit of open bytes no further request is taken, but one always is") {
  dialogue to{false, {.handshake = {}, .requests_open_max = 9, .bytes_open_max = 1000}};
  to.disk->hold = true;
  CHECK(to.take(ask(wire_command::read, 0, 5000)).on == wait::input);
  CHECK(to.take(ask(wire_command::read, 0, 1)).on == wait::completion);
}

TEST_CASE("a stalled device gets the same request again") {
  dialogue to;
  to.disk->next_verdict = {.what = verdict::stalled, .error = {}, .how = {}};
  const auto input = ask(wire_command::write, 0, 4) + bytes(4, std::byte{5});
  const auto done = to.take(input);
  CHECK(done.on == wait::retry);
  CHECK(done.consumed == 0);
  CHECK(to.batch.empty());
  CHECK(to.count.stalls.get() == 1);
  CHECK(to.exchange(input).error == wire_error::none);
  CHECK(to.disk->answered_count == 1);
}

TEST_CASE("after DISC nothing more is taken, and what is open is still answered") {
  dialogue to;
  to.disk->hold = true;
  const auto done = to.take(ask(wire_command::flush, 0, 0) + ask(wire_command::disconnect, 0, 0) +
                            ask(wire_command::flush, 0, 0));
  CHECK(done.on == wait::drain);
  CHECK(done.consumed == 2 * request_bytes);
  CHECK_FALSE(to.with->idle());
  to.with->complete(to.disk->held.at(0).request, answer{}, nullptr, to.batch);
  CHECK(to.with->idle());
  CHECK(to.flush().size() == simple_header_bytes);
}

TEST_CASE("an abandoned session fails what is open and detaches once") {
  dialogue to;
  to.disk->hold = true;
  to.take(ask(wire_command::flush, 0, 0) + ask(wire_command::read, 0, 9));
  CHECK(to.disk->attached_count == 1);
  to.with->abandon(to.now);
  CHECK(to.disk->failed_count == 2);
  CHECK(to.disk->detached_count == 1);
}

TEST_CASE("block status covers what was asked for, joined, or one range of it") {
  dialogue to{true};
  std::ranges::fill(to.disk->bytes(), std::byte{});
  to.disk->bytes()[5000] = std::byte{1};
  const auto numbers = [](const reply& got) {
    std::vector<std::uint32_t> out;
    for (reader in{got.data}; in.left() > 0;)
      out.push_back(in.take<std::uint32_t>());
    return out;
  };
  auto got = to.exchange(ask(wire_command::block_status, 0, 20480));
  CHECK(got.kind == chunk::block_status);
  CHECK(numbers(got) == std::vector<std::uint32_t>{1, 4096, 3, 4096, 0, 12288, 3});
  got = to.exchange(ask(wire_command::block_status, 10, 20480, 1, command_flag::one_status));
  CHECK(numbers(got) == std::vector<std::uint32_t>{1, 4086, 3});
}

TEST_CASE("a client in its handshake holds no device") {
  exports_map names;
  io_counters count;
  session with{{}, names, std::nullopt, {}, count};
  with.abandon({});
  CHECK_FALSE(with.transmitting());
}
