#include "runtime/host/posix_disk.hpp"
#include "runtime/provenance/log.hpp"
#include "runtime/sim/dice.hpp"
#include "tests/unit/host/folder.hpp"
#include <array>
#include <bit>
#include <chrono>
#include <csignal>
#include <poll.h>
#include <sys/wait.h>

using namespace forerun;
using namespace forerun::provenance;

namespace {

constexpr int logs = 20, kills_each = 50;
constexpr std::uint64_t seed = 11;
constexpr std::uint64_t life_us_max = 1500;
constexpr std::size_t batch_max = 64;

// What is appended follows from its position: whoever knows how many records there must be knows which.

context who(std::uint64_t position) {
  return {.by = {.vm = "alpha", .program = "gcc", .user = "ann", .node = 7}, .run = {position / batch_max}};
}

forerun::access what(std::uint64_t position) {
  sim::dice chance{position};
  forerun::access it;
  it.at = {static_cast<std::int64_t>(position * 1000 + chance.below(5000))};
  it.latency = std::chrono::microseconds{chance.below(20'000)};
  it.bytes = static_cast<std::uint32_t>(chance.below(64) * 512);
  it.where = blocks_touched(chance.below(1u << 30), it.bytes);
  if (chance.one_in(3)) {
    it.op = operation::write;
    chance.fill(std::as_writable_bytes(std::span{it.written}));
  }
  return it;
}

bool matches(const context& by, const record& read) {
  const auto expected = what(read.position);
  return by == who(read.position) && read.at == expected.at && read.latency == expected.latency &&
         read.where == expected.where && read.bytes == expected.bytes && read.op == expected.op &&
         read.written == expected.written;
}

std::unique_ptr<provenance::log> opened(disk& on, log_limits limits = {}) {
  static const manual_clock clock;
  auto made = provenance::log::open(on, clock, limits);
  return made ? std::move(made.value()) : nullptr;
}

/// The process that is killed: appends, commits now and then, and writes to `acknowledge` how many records
/// are committed, for the first time when the log is open. Returns only when something fails.
void append_for_ever(const std::string& folder, int acknowledge, sim::dice chance) {
  auto disk = host::posix_disk::open(folder);
  constexpr std::array block_records{1u, 50u, 4096u};
  constexpr std::array segment_bytes{16u << 10, 128u << 10, 1u << 20};
  const auto log = opened(*disk.value(), {.block_records = block_records.at(chance.below(3)),
                                          .segment_bytes = segment_bytes.at(chance.below(3))});
  const auto acknowledged = [&] {
    const auto committed = log->records();
    return ::write(acknowledge, &committed, sizeof committed) == sizeof committed;
  };
  if (!log || !acknowledged())
    return;
  const auto batches_between = std::uint64_t{1} << chance.below(6);
  std::vector<forerun::access> batch;
  for (;;) {
    const auto first = log->records();
    const auto count = 1 + chance.below(batch_max - first % batch_max);
    batch.clear();
    while (batch.size() < count)
      batch.push_back(what(first + batch.size()));
    if (!log->append(who(first), batch) || !log->write())
      return;
    if (!chance.one_in(batches_between))
      continue;
    if (!log->commit(chance.one_in(16) ? durability::synced : durability::written))
      return;
    if (!acknowledged())
      return;
  }
}

using moment = std::chrono::steady_clock::time_point;

/// Takes a number from the pipe, or the last of several; false when none came until then, or ever will.
bool take_number(int from, std::optional<moment> until, std::uint64_t& number) {
  timespec left{};
  if (until) {
    const auto ns = std::chrono::nanoseconds{*until - std::chrono::steady_clock::now()}.count();
    left.tv_nsec = static_cast<long>(std::max<std::int64_t>(ns, 0));
  }
  pollfd wait{.fd = from, .events = POLLIN, .revents = 0};
  if (::ppoll(&wait, 1, until ? &left : nullptr, nullptr) <= 0)
    return false;
  std::array<std::uint64_t, 512> some{};
  const auto got = ::read(from, some.data(), sizeof some);
  if (got > 0)
    number = some.at(static_cast<std::size_t>(got) / sizeof(std::uint64_t) - 1);
  return got > 0;
}

/// Lets a process append for a while and kills it; how many records it had acknowledged.
std::uint64_t acknowledged_until_killed(const std::string& folder, sim::dice chance) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const auto life = std::chrono::microseconds{chance.below(life_us_max)};
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(ends[0]);
    append_for_ever(folder, ends[1], chance);
    ::_exit(1);
  }
  ::close(ends[1]);
  std::uint64_t acknowledged = 0;
  if (!chance.one_in(4)) // The others may be killed while they open the log.
    for (auto heard = 1 + chance.below(4); heard > 0 && take_number(ends[0], {}, acknowledged); --heard) {
    }
  for (const auto end = std::chrono::steady_clock::now() + life; std::chrono::steady_clock::now() < end;)
    take_number(ends[0], end, acknowledged);
  ::kill(child, SIGKILL);
  while (take_number(ends[0], {}, acknowledged)) {
  }
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE_MESSAGE(WIFSIGNALED(status), "it ended by itself: something failed");
  return acknowledged;
}

} // namespace

TEST_CASE("a process can be killed while it appends: what it acknowledged is there, and the log goes on") {
  sim::dice chance{seed};
  std::uint64_t grown = 0, cut = 0;
  for (int each = 0; each < logs; ++each) {
    const host::folder at;
    std::uint64_t before = 0;
    for (int kill = 0; kill < kills_each; ++kill) {
      CAPTURE(seed);
      CAPTURE(each);
      CAPTURE(kill);
      const auto acknowledged = acknowledged_until_killed(at.path, sim::dice{chance.next()});
      auto disk = host::posix_disk::open(at.path);
      REQUIRE(disk);
      const auto log = opened(*disk.value());
      REQUIRE(log);
      REQUIRE_FALSE(log->recovered().damage.has_value());
      REQUIRE(log->records() >= std::max(acknowledged, before));
      grown += acknowledged > before;
      cut += log->recovered().bytes_cut > 0;
      before = log->records();
      // An unfinished end is cut, so the files are whole blocks in their chain, to the last byte.
      const auto report = verify(*disk.value());
      REQUIRE_FALSE(report.value().first_fault.has_value());
      REQUIRE(report.value().records == before);
      REQUIRE(report.value().head == log->head());
      std::uint64_t next = 0;
      const auto scanned =
          log->view().scan({.records_max = before + 1}, [&](const context& by, const record& read) {
            return read.position == next++ && matches(by, read);
          });
      REQUIRE(scanned.value().complete);
      REQUIRE(next == before);
    }
  }
  MESSAGE(grown << " of " << logs * kills_each << " lives acknowledged records; " << cut << " ends were cut");
  CHECK(grown > logs * kills_each / 4);
}
