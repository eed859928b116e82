#include "runtime/control/convert.hpp"
#include "runtime/control/record_service.hpp"
#include "tests/unit/control/asking.hpp"
#include <capnp/message.h>
#include <future>
#include <sys/eventfd.h>
#include <unistd.h>

using namespace forerun;
using namespace forerun::control;
using namespace std::chrono_literals;

namespace {

provenance::entry row(std::uint64_t position) {
  provenance::entry made{.who = {.by = {"vm", position % 2 ? "gcc" : "", "ann", 7},
                                 .run = {position % 3},
                                 .kind = position % 2 ? element_kind::key : element_kind::image_block,
                                 .space = ~std::uint32_t{0}},
                         .what = {.position = position,
                                  .at = {-1'000'000'000 - static_cast<std::int64_t>(position)},
                                  .latency = std::chrono::microseconds{position},
                                  .where = {provenance::element_limit - position, 3},
                                  .bytes = 4097,
                                  .op = operation::release,
                                  .how = outcome::failed,
                                  .version = ~std::uint64_t{0} - position,
                                  .value = std::string("\0\xff,\"\n", 5)}};
  made.what.written[15] = static_cast<std::uint8_t>(position);
  return made;
}

record_batch batch_of(std::uint64_t first, std::uint64_t count) {
  record_batch made{.rows = {}, .missed = first, .next_position = first + count};
  for (auto position = first; position < first + count; ++position)
    made.rows.push_back(row(position));
  return made;
}

void same(const record_batch& got, const record_batch& expected) {
  CHECK(got.rows == expected.rows);
  CHECK(got.missed == expected.missed);
  CHECK(got.next_position == expected.next_position);
  CHECK(got.ended == expected.ended);
}

} // namespace

TEST_CASE("a batch arrives as it was told, and each context travels once") {
  auto sent = batch_of(5, 100);
  sent.ended = true;
  capnp::MallocMessageBuilder words;
  write(words.initRoot<wire::RecordBatch>(), sent);
  const auto wire = words.getRoot<wire::RecordBatch>().asReader();
  CHECK(wire.getContexts().size() == 6);
  same(read(wire), sent);
}

TEST_CASE("rows of a batch are bounded, and what a hostile node tells is made harmless") {
  capnp::MallocMessageBuilder words;
  auto batch = words.initRoot<wire::RecordBatch>();
  auto rows = batch.initRows(3000);
  rows[0].setContext(7);
  rows[0].setOperation(static_cast<wire::HistoryRow::Operation>(99));
  rows[0].setOutcome(static_cast<wire::HistoryRow::Outcome>(99));
  rows[0].setLatencyUs(~std::uint64_t{0});
  rows[0].initDigest(3);
  batch.initContexts(5000);
  const auto got = read(batch.asReader());
  REQUIRE(got.rows.size() == record_rows_max);
  CHECK(got.rows[0].who == provenance::context{});
  CHECK(got.rows[0].what.op == operation::read);
  CHECK(got.rows[0].what.how == outcome::none);
  CHECK(got.rows[0].what.written == digest{});
  CHECK(got.rows[0].what.latency > 0ns);

  capnp::MallocMessageBuilder more;
  write(more.initRoot<wire::RecordBatch>(), batch_of(0, 2000));
  CHECK(more.getRoot<wire::RecordBatch>().getRows().size() == record_rows_max);
}

TEST_CASE("a question reaches the node as it was asked") {
  served_node served;
  auto tool = connected(served);
  record_question what;
  what.wanted = {.position_from = 3,
                 .position_to = 1u << 20,
                 .from = {-5},
                 .to = {1'700'000'000'000'000'000},
                 .kind = element_kind::connection,
                 .space = 0,
                 .element_first = 9,
                 .element_last = 10,
                 .run = run_id{0},
                 .vm = "",
                 .program = "gcc",
                 .user = std::nullopt,
                 .operations = 5};
  what.follow = true;
  value(tool.records(what));
  const auto same_filter = [&](const provenance::filter& got) {
    CHECK(got.position_from == 3);
    CHECK(got.position_to == 1u << 20);
    CHECK(got.from == what.wanted.from);
    CHECK(got.to == what.wanted.to);
    CHECK(got.kind == element_kind::connection);
    CHECK(got.space == 0);
    CHECK(got.element_first == 9);
    CHECK(got.element_last == 10);
    CHECK(got.run == run_id{0});
    CHECK(got.vm == "");
    CHECK(got.program == "gcc");
    CHECK(got.user == std::nullopt);
    CHECK(got.operations == 5);
  };
  same_filter(served.node.asked.wanted);
  CHECK(served.node.asked.follow);
  CHECK_FALSE(served.node.asked.all);
  value(tool.last_records(what, 1));
  same_filter(served.node.asked.wanted);

  value(tool.records({.wanted = {}, .volume = "debian", .follow = false, .all = true}));
  CHECK(served.node.asked.volume == "debian");
  CHECK(served.node.asked.all);
  CHECK(served.node.asked.wanted.kind == std::nullopt);
  CHECK(served.node.asked.wanted.space == std::nullopt);
  CHECK(served.node.asked.wanted.run == std::nullopt);
  CHECK(served.node.asked.wanted.to == provenance::filter{}.to);
}

TEST_CASE("a question that no log can answer is refused before it reaches the node") {
  served_node served;
  auto tool = connected(served);
  record_question what;
  what.wanted.position_from = 77;
  what.volume = "../x";
  CHECK(refused(tool.records(what)) == errc::invalid_argument);
  what.volume = "";
  what.wanted.program = std::string(256, 'x');
  CHECK(refused(tool.records(what)) == errc::invalid_argument);
  CHECK(refused(tool.last_records(what, 1)) == errc::invalid_argument);
  CHECK(served.node.asked.wanted.position_from == 0);
  what.wanted.program.reset();
  what.volume = "other";
  CHECK(refused(tool.records(what)) == errc::not_found);

  capnp::MallocMessageBuilder words;
  auto filter = words.initRoot<wire::RecordFilter>();
  filter.setKind(256);
  CHECK(refused(read(filter.asReader())) == errc::invalid_argument);
  filter.setKind(-7);
  filter.setSpace(std::int64_t{1} << 32);
  CHECK(refused(read(filter.asReader())) == errc::invalid_argument);
}

TEST_CASE("a stream is read batch by batch, in order") {
  served_node served;
  for (std::uint64_t i = 0; i < 20; ++i)
    served.node.batches.push_back(batch_of(i * 50, 50));
  served.node.batches.back().ended = true;
  auto tool = connected(served);
  auto reader = value(tool.records({}));
  for (const auto& expected : served.node.batches)
    same(value(reader.next(1024)), expected);
}

TEST_CASE("a stream ends with its reader, and with its connection") {
  served_node served;
  {
    auto tool = connected(served);
    {
      const auto one = value(tool.records({}));
      const auto two = value(tool.records({}));
      CHECK(served.node.streams == 2);
    }
    value(tool.status()); // Behind the word that they are not needed any more.
    CHECK(served.node.streams == 0);
    auto reader = value(tool.records({}));
    tool.give_up_after(1ms);
    CHECK(refused(reader.next(1)) == errc::timed_out);
    CHECK(served.node.streams == 1);
  }
  for (int i = 0; i < 5000 && served.node.streams > 0; ++i)
    value(connected(served).status());
  CHECK(served.node.streams == 0);
}

TEST_CASE("streams of a connection are bounded, and one that ends makes room") {
  served_node served;
  auto tool = connected(served);
  std::vector<record_reader> open;
  for (std::size_t i = 0; i < connection_streams_max; ++i)
    open.push_back(value(tool.records({})));
  CHECK(refused(tool.records({})) == errc::overloaded);
  std::async(std::launch::async, [&] {
    auto other = connected(served);
    value(other.records({}));
  }).get();
  open.pop_back();
  value(tool.records({}));
}

TEST_CASE("a client that waits for news gives up when it is told to") {
  served_node served;
  const auto fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  {
    auto tool = connected(served);
    tool.give_up_on(fd);
    auto reader = value(tool.records({.wanted = {}, .volume = "", .follow = true}));
    auto told = std::async(std::launch::async, [fd] {
      const std::uint64_t one = 1;
      return ::write(fd, &one, sizeof one);
    });
    CHECK(refused(reader.next(1)) == errc::cancelled);
    CHECK(refused(tool.status()) == errc::cancelled);
  }
  ::close(fd);
}
