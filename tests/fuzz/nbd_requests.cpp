#include "tests/unit/nbd/scripted_device.hpp"
#include "tests/unit/nbd/wire.hpp"
#include <cstdlib>

/// A client that has chosen its export sends anything; the device answers, waits, stalls or fails as the
/// input says. Every answer must be well formed, and no request may be lost or answered twice.

using namespace forerun;
using namespace forerun::nbd;
using forerun::nbd::wire::operator+;

namespace {

constexpr std::uint64_t disk_bytes = 1u << 16;

void demand(bool holds) {
  if (!holds)
    std::abort();
}

struct run {
  exports_map names;
  std::shared_ptr<scripted_device> disk = std::make_shared<scripted_device>(
      export_info{.name = "", .description = "", .bytes = disk_bytes, .read_only = false});
  io_counters count;
  reply_batch batch;
  std::optional<session> with;
  bool structured;

  run(bool wants_structured, const session_limits& limits) : structured(wants_structured) {
    names.add(disk);
    with.emplace(limits, names, std::nullopt, session_place{}, count);
    auto input = wire::hello();
    if (structured)
      input = input + wire::option_of(option::structured_reply) +
              wire::option_of(option::set_meta_context, wire::contexts("", {"base:allocation"}));
    input = input + wire::option_of(option::go, wire::chosen(""));
    demand(with->take(input, {}, batch).consumed == input.size() && with->transmitting());
    batch.reset();
  }

  void send() {
    const auto out = wire::flat(batch);
    // Simple replies to reads do not say their length: only their sum can be looked at.
    if (structured) {
      wire::reader in{out};
      while (in.left() > 0)
        wire::take_reply(in);
    }
    with->sent(batch, {});
    batch.reset();
  }

  void answer_all() {
    for (const auto& each : std::exchange(disk->held, {}))
      with->complete(each.request, errc::io_failed, nullptr, batch);
    send();
  }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3)
    return 0;
  run now{data[0] % 2 == 0, {.handshake = {}, .requests_open_max = 4, .bytes_open_max = 1u << 15}};
  const std::size_t piece = data[1] == 0 ? size : data[1];
  const unsigned moods = data[2];
  const std::span<const std::byte> input{reinterpret_cast<const std::byte*>(data) + 3, size - 3};
  std::size_t begin = 0;
  unsigned steps = 0;
  for (std::size_t end = 0; end < input.size();) {
    end = std::min(input.size(), end + piece);
    for (bool going = true; going;) {
      const auto mood = (moods >> (steps++ % 8)) & 1;
      now.disk->hold = mood != 0 && (moods & 64) != 0;
      if (mood != 0 && (moods & 128) != 0)
        now.disk->next_verdict =
            started{steps % 3 == 0 ? verdict::failed : verdict::stalled, errc::no_space, {}};
      const auto held = input.subspan(begin, end - begin);
      const auto done = now.with->take(held, {}, now.batch);
      demand(done.consumed <= held.size());
      begin += done.consumed;
      now.send();
      switch (done.on) {
      case session::wait::input:
        going = input.subspan(begin, end - begin).size() >= now.with->wanted();
        break;
      case session::wait::completion:
        now.answer_all();
        break;
      case session::wait::output:
      case session::wait::retry:
        now.disk->next_verdict.reset();
        break;
      case session::wait::drain:
      case session::wait::over:
        going = false;
        end = input.size();
        break;
      }
    }
  }
  const auto failed_before = now.disk->failed_count.load();
  const auto open = now.disk->held.size();
  now.with->abandon({});
  demand(now.disk->failed_count == failed_before + open);
  demand(now.disk->attached_count == 1 && now.disk->detached_count == 1);
  return 0;
}
