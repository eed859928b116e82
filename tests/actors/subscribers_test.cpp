#include "actors/common/errors.hpp"
#include "actors/common/system.hpp"
#include "actors/node/record_stream.hpp"
#include "actors/provenance/provenance.hpp"
#include "actors/provenance/subscribers.hpp"
#include "runtime/sim/sim_disk.hpp"
#include <doctest/doctest.h>
#include <future>

using namespace forerun;
using namespace forerun::actors;

namespace {

/// The log's actor has a thread of its own, as it has in a node; the test plays those who listen.
struct log_stage {
  log_stage() : log(std::move(provenance::log::open(disk, time).value())) {
    who = spawn_provenance(system, {}, *log, workers);
  }
  ~log_stage() {
    caf::anon_send_exit(who, caf::exit_reason::user_shutdown);
    who = nullptr;
    workers.drain();
  }

  /// So many reads of blocks that count on.
  void record(std::uint32_t count) {
    auto batch = std::make_shared<std::vector<forerun::access>>();
    for (std::uint32_t i = 0; i < count; ++i) {
      forerun::access entry;
      entry.where = {recorded++, 1};
      entry.bytes = block_bytes;
      batch->push_back(entry);
    }
    caf::anon_send(who, record_batch{agent, std::move(batch), {}});
  }
  result<subscribed> subscribe_me(provenance::filter wanted, provenance::pace how, bool follow = true) {
    result<subscribed> answer = errc::timed_out;
    self->request(who, caf::timespan{std::chrono::seconds{20}},
                  subscribe{caf::actor_cast<caf::actor>(self), std::move(wanted), how, follow})
        .receive([&](const subscribed& done) { answer = done; },
                 [&](const caf::error& problem) { answer = code_of(problem); });
    return answer;
  }
  void allow(const subscribed& to, std::uint32_t batches, std::size_t rows = 10) {
    caf::anon_send(who, grant{to.subscription, batches, rows});
  }
  std::shared_ptr<const provenance::batch> hear() {
    std::shared_ptr<const provenance::batch> got;
    self->receive([&](const records_told& told) { got = told.what; },
                  caf::after(std::chrono::seconds{20}) >> [] { FAIL("nothing is told"); });
    return got;
  }
  /// Everything that was sent to the log's actor before is done.
  void settle() {
    self->request(who, caf::timespan{std::chrono::seconds{20}}, caf::get_atom_v)
        .receive([](const control::provenance_status&) {}, [](const caf::error&) { FAIL("no answer"); });
  }
  /// Whether nothing is told, once everything that was sent is done, and looked for in the log.
  bool silent() {
    settle();
    std::promise<void> looked;
    workers.post([&] { looked.set_value(); });
    looked.get_future().wait();
    settle();
    bool quiet = true;
    self->receive([&](const records_told&) { quiet = false; }, caf::after(std::chrono::seconds{0}) >> [] {});
    return quiet;
  }

  struct plain_config : caf::actor_system_config {
    plain_config() {
      static const bool known = [] {
        init_types();
        return true;
      }();
      (void)known;
      set("caf.scheduler.max-threads", 2u);
    }
  };
  std::shared_ptr<const provenance::context> agent = std::make_shared<provenance::context>(
      provenance::context{.by = {.vm = "vm", .program = "gcc", .user = "ann"}, .run = {3}, .space = 5});
  std::uint64_t recorded = 0;
  sim::sim_disk disk;
  manual_clock time;
  std::unique_ptr<provenance::log> log;
  store::blocking_pool workers{1, 64};
  plain_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  provenance_actor who;
};

/// Waits for what another thread will answer.
template <class T> struct awaited {
  std::shared_ptr<std::promise<control::answer<T>>> promise =
      std::make_shared<std::promise<control::answer<T>>>();
  control::reply<T> to{[p = promise](control::answer<T> what) { p->set_value(std::move(what)); }};
  control::answer<T> get() {
    auto future = promise->get_future();
    to = {};
    REQUIRE(future.wait_for(std::chrono::seconds{20}) == std::future_status::ready);
    return future.get();
  }
};

std::shared_ptr<control::record_stream> opened(log_stage& on, subscribe what) {
  awaited<std::shared_ptr<control::record_stream>> answer;
  open_record_stream(on.system, on.who, std::move(what), answer.to);
  auto got = answer.get();
  REQUIRE(got.index() == 0);
  return std::get<0>(got);
}

control::answer<control::record_batch> next(control::record_stream& from, std::uint32_t max) {
  awaited<control::record_batch> answer;
  from.next(max, answer.to);
  return answer.get();
}

} // namespace

TEST_CASE("a subscriber is told within its credit, first what is there and then what comes") {
  log_stage on;
  on.record(25);
  const auto to = on.subscribe_me({}, provenance::pace::all);
  REQUIRE(to.has_value());
  CHECK(on.silent());
  on.allow(to.value(), 2);
  std::uint64_t position = 0;
  const auto expect = [&](std::size_t rows) {
    const auto batch = on.hear();
    REQUIRE(batch->rows.size() == rows);
    for (const auto& row : batch->rows) {
      CHECK(row.what.where.first == position);
      CHECK(row.what.position == position++);
      CHECK(row.who.by.program == "gcc");
    }
    CHECK(batch->next_position == position);
  };
  expect(10);
  expect(10);
  CHECK(on.silent());
  on.allow(to.value(), 100);
  expect(5);
  on.record(3);
  expect(3);
}

TEST_CASE("who asks for what is new hears nothing of what was") {
  log_stage on;
  on.record(25);
  const auto to = on.subscribe_me({.position_from = control::position_newest}, provenance::pace::all);
  REQUIRE(to.has_value());
  CHECK(to.value().position == 25);
  on.allow(to.value(), 10);
  on.record(2);
  CHECK(on.hear()->rows.front().what.position == 25);
}

TEST_CASE("without following, a subscription ends where the log ended then, and makes room") {
  log_stage on;
  on.record(15);
  for (std::size_t i = 0; i < 2 * subscribers_max; ++i) {
    const auto to = on.subscribe_me({}, provenance::pace::all, false);
    REQUIRE(to.has_value());
    if (i == 0)
      on.record(5);
    on.allow(to.value(), 10, 100);
    const auto batch = on.hear();
    CHECK(batch->ended);
    CHECK(batch->rows.size() == (i == 0 ? 15 : 20));
  }
}

TEST_CASE("subscribers are bounded, and one that ends makes room") {
  log_stage on;
  auto brief = std::make_unique<caf::scoped_actor>(on.system);
  for (std::size_t i = 0; i < subscribers_max; ++i)
    (*brief)
        ->request(on.who, caf::timespan{std::chrono::seconds{20}},
                  subscribe{caf::actor_cast<caf::actor>(*brief), {}, provenance::pace::all, true})
        .receive([](const subscribed&) {}, [](const caf::error&) { FAIL("refused"); });
  const auto full = on.subscribe_me({}, provenance::pace::all);
  REQUIRE_FALSE(full.has_value());
  CHECK(full.error() == errc::overloaded);
  brief.reset();
  on.settle();
  CHECK(on.subscribe_me({}, provenance::pace::all).has_value());
}

TEST_CASE("a stream of the control socket gives each row once, however few are asked for") {
  log_stage on;
  on.record(100);
  const auto stream = opened(on, {.who = {}, .wanted = {}, .how = provenance::pace::all, .follow = false});
  std::uint64_t position = 0;
  for (std::uint32_t max = 1; position < 100; ++max) {
    const auto got = next(*stream, max);
    REQUIRE(got.index() == 0);
    const auto& batch = std::get<0>(got);
    CHECK(batch.rows.size() <= max);
    for (const auto& row : batch.rows)
      CHECK(row.what.position == position++);
    CHECK(batch.next_position == position);
    CHECK(batch.ended == (position == 100));
  }
  CHECK(std::get<0>(next(*stream, 5)).ended);
}

TEST_CASE("a stream that follows waits for news, and one call at a time") {
  log_stage on;
  const auto stream = opened(on, {.who = {}, .wanted = {}, .how = provenance::pace::live, .follow = true});
  awaited<control::record_batch> first;
  stream->next(10, first.to);
  const auto second = next(*stream, 10);
  REQUIRE(second.index() == 1);
  CHECK(std::get<1>(second).code == errc::busy);
  on.record(4);
  const auto got = first.get();
  REQUIRE(got.index() == 0);
  CHECK(std::get<0>(got).rows.size() == 4);
}

TEST_CASE("a stream ends with the log's actor, and says so") {
  log_stage on;
  const auto stream = opened(on, {.who = {}, .wanted = {}, .how = provenance::pace::all, .follow = true});
  awaited<control::record_batch> waiting;
  stream->next(10, waiting.to);
  caf::anon_send_exit(on.who, caf::exit_reason::kill);
  const auto got = waiting.get();
  REQUIRE(got.index() == 1);
  CHECK(std::get<1>(got).code == errc::unavailable);
}
