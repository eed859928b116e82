#include "runtime/origin/pattern.hpp"
#include "runtime/origin/retrying.hpp"
#include "runtime/origin/slow.hpp"
#include "tests/unit/origin/support.hpp"

using namespace forerun;
using namespace forerun::origin;
using namespace std::chrono_literals;

namespace {

constexpr retry_limits limits{.attempt_max = 1s,
                              .attempts_max = 4,
                              .total_max = 20s,
                              .pause_first = 100ms,
                              .pause_max = 250ms,
                              .requests_open_max = 2};
const instant start{1h};
const auto some_data = std::make_shared<std::vector<std::byte>>(1);

} // namespace

TEST_CASE("a failed demand read is tried again with growing pauses, and then fails") {
  retry_core core(limits);
  const auto id = core.begin(priority::demand, start).value();
  auto now = start;
  for (const auto pause : {100ms, 200ms, 250ms}) {
    const auto attempt = static_cast<unsigned>(core.retries()) + 1;
    CHECK(!core.answered(id, attempt, errc::io_failed, now));
    CHECK(core.due(now + pause - 1ns).sends.empty());
    now += pause;
    const auto due = core.due(now);
    REQUIRE(due.sends.size() == 1);
    CHECK(due.sends[0].attempt == attempt + 1);
  }
  CHECK(core.answered(id, 4, errc::unavailable, now)->error() == errc::unavailable);
  CHECK(core.open() == 0);
  CHECK(core.next_due() == instant::max());
}

TEST_CASE("a failed prefetch is not tried again") {
  retry_core core(limits);
  const auto id = core.begin(priority::prefetch, start).value();
  CHECK(core.answered(id, 1, errc::io_failed, start)->error() == errc::io_failed);
  CHECK(core.open() == 0);
}

TEST_CASE("an attempt without an answer is given up after its time") {
  retry_core core(limits);
  core.begin(priority::demand, start);
  core.begin(priority::prefetch, start);
  CHECK(core.next_due() == start + 1s);
  const auto due = core.due(start + 1s);
  CHECK(due.sends.empty());
  REQUIRE(due.failed.size() == 1);
  CHECK(due.failed[0].second == errc::timed_out);
  CHECK(core.due(start + 1100ms).sends.size() == 1);
}

TEST_CASE("the answer of an attempt that was given up is welcome, its error is not") {
  retry_core core(limits);
  const auto id = core.begin(priority::demand, start).value();
  core.due(start + 1s);
  CHECK(!core.answered(id, 1, errc::io_failed, start + 1050ms));
  CHECK(core.due(start + 1100ms).sends.size() == 1);
  CHECK(!core.answered(id, 1, errc::io_failed, start + 1110ms));
  CHECK(core.answered(id, 1, some_data, start + 1120ms)->value() == some_data);
  CHECK(!core.answered(id, 2, some_data, start + 1130ms));
}

TEST_CASE("a changed image is final") {
  retry_core core(limits);
  const auto id = core.begin(priority::demand, start).value();
  CHECK(core.answered(id, 1, errc::changed, start)->error() == errc::changed);
}

TEST_CASE("no request outlives the limit of all its attempts together") {
  auto patient = limits;
  patient.attempts_max = 1000;
  retry_core core(patient);
  core.begin(priority::demand, start);
  auto now = start;
  bool ended = false;
  while (!ended) {
    REQUIRE(core.next_due() != instant::max());
    now = core.next_due();
    ended = !core.due(now).failed.empty();
  }
  CHECK(now <= start + 20s);
  CHECK(now > start + 17s);
}

TEST_CASE("more requests than the limit are refused") {
  retry_core core(limits);
  const auto first = core.begin(priority::demand, start).value();
  core.begin(priority::demand, start);
  CHECK(!core.begin(priority::demand, start));
  CHECK(core.answered(first, 1, some_data, start));
  CHECK(core.begin(priority::demand, start));
}

TEST_CASE("a source that fails and hangs serves on when it recovers, without a restart") {
  const auto faulty =
      std::make_shared<slow_source>(std::make_shared<pattern_source>(1u << 20, 1), slowness{});
  retrying_source from(faulty,
                       {.attempt_max = 50ms, .attempts_max = 1000, .total_max = 20s, .pause_first = 5ms});
  faulty->set({.fail_every = 1});
  auto failing = start_read(from, 0, 4096);
  CHECK(failing.wait_for(30ms) == std::future_status::timeout);
  CHECK(read_now(from, 0, 4096, priority::prefetch).error() == errc::io_failed);
  faulty->set({.hang = true});
  CHECK(failing.wait_for(100ms) == std::future_status::timeout);
  auto hanging = start_read(from, 4096, 4096);
  CHECK(hanging.wait_for(100ms) == std::future_status::timeout);
  faulty->set({});
  CHECK(wait_for(failing).has_value());
  CHECK(wait_for(hanging).has_value());
  CHECK(from.retries() > 2);
}

TEST_CASE("after the limit the client gets the error, and what is open at the end is cancelled") {
  const auto faulty =
      std::make_shared<slow_source>(std::make_shared<pattern_source>(1u << 20, 1), slowness{.fail_every = 1});
  auto from = std::make_unique<retrying_source>(faulty, retry_limits{.attempts_max = 3, .pause_first = 1ms});
  CHECK(read_now(*from, 0, 4096).error() == errc::io_failed);
  faulty->set({.hang = true});
  auto hanging = start_read(*from, 0, 4096);
  from.reset();
  CHECK(wait_for(hanging).error() == errc::cancelled);
}
