#include "tests/unit/provenance/samples.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::provenance;

namespace {

using bytes = std::vector<std::byte>;

/// A log of many segments that somebody signs, and all that was ever appended.
struct signed_log {
  memory_disk disk;
  manual_clock clock;
  std::unique_ptr<provenance::log> log;
  std::vector<entry> all;

  explicit signed_log(std::uint64_t batches = 40) {
    open();
    for (std::uint64_t i = 0; i < batches; ++i)
      append(i);
  }
  void open(const signer* by = &somebody()) {
    log.reset();
    auto made = provenance::log::open(disk, clock, small_limits, by);
    REQUIRE(made.has_value());
    log = std::move(made.value());
  }
  void append(std::uint64_t seed) {
    for (auto& it : fill(*log, 50, seed))
      all.push_back(it);
    REQUIRE(log->commit(durability::synced).has_value());
    clock.advance(std::chrono::minutes{1});
  }
  void retain(const retention& keep) {
    for (std::size_t i = 0; i < 1000; ++i)
      if (!log->retain(keep).value())
        return;
    FAIL("retention finds no end");
  }
  std::vector<std::uint32_t> segments() { return segments_of(disk).value(); }
  verification report(const ed25519_key& key = somebody().key()) {
    return verify(disk, {}, {.key = key}).value();
  }
  bytes& file(const std::string& name) { return disk.files.at(name); }
  /// What is left must be the end of all.
  void check_the_rest() {
    const auto rest = read_all(*log);
    REQUIRE(rest.size() < all.size());
    CHECK(std::equal(rest.begin(), rest.end(), all.end() - static_cast<std::ptrdiff_t>(rest.size())));
    const auto it = report();
    CHECK_FALSE(it.first_fault.has_value());
    CHECK(it.dropped.value().records + it.records == all.size());
    CHECK(it.records == rest.size());
  }
};

constexpr retention keep_half{.bytes_max = 20'000};

} // namespace

TEST_CASE("the oldest segments go until the log is within its bytes, and the chain still verifies") {
  signed_log it;
  const auto before = it.log->bytes().value();
  REQUIRE(before > 30'000);
  it.retain(keep_half);
  const auto after = it.log->bytes().value();
  CHECK(after <= 20'000);
  CHECK(after > 20'000 - small_limits.segment_bytes);
  it.check_the_rest();
  const auto dropped = it.report().dropped.value();
  CHECK(dropped.bytes + after == before);
  CHECK(dropped.segments == it.segments().front());
  CHECK(dropped.damaged == 0);
  auto first = it.all[0].what.at, last = first;
  for (std::size_t i = 0; i < dropped.records; ++i) {
    first = std::min(first, it.all[i].what.at);
    last = std::max(last, it.all[i].what.at);
  }
  CHECK(dropped.first == first);
  CHECK(dropped.last == last);
}

TEST_CASE("a log within its limits is left alone") {
  signed_log it;
  const auto before = it.disk.files;
  it.retain({.bytes_max = 1u << 20, .age_max = std::chrono::hours{100}});
  it.retain({});
  CHECK(it.disk.files == before);
}

TEST_CASE("segments go when the next one began longer ago than records may be kept") {
  signed_log it;
  const auto now = it.clock.wall().ns;
  const nanos age = std::chrono::minutes{15};
  it.retain({.age_max = age});
  const auto left = it.segments();
  CHECK(left.front() > 2);
  auto began = [&](std::uint32_t number) {
    return segment_reader::open(it.disk, number).value().header().value().created.ns;
  };
  CHECK(began(left[1]) >= now - age.count());
  CHECK(began(left[0]) < now - age.count());
  it.check_the_rest();
}

TEST_CASE("with a limit of age a segment is not written for ever") {
  signed_log it;
  const auto last = it.segments().back();
  it.clock.advance(std::chrono::minutes{14});
  it.retain({.age_max = std::chrono::minutes{100}});
  it.append(77);
  CHECK(it.segments().back() == last + 1);
}

TEST_CASE("the segment that is written stays, whatever its size and age") {
  signed_log it;
  it.clock.advance(std::chrono::hours{10'000});
  it.retain({.bytes_max = 1, .age_max = nanos{1}});
  CHECK(it.segments().size() == 1);
  it.check_the_rest();
}

TEST_CASE("a log whose beginning was dropped opens, goes on and drops more") {
  signed_log it;
  it.retain(keep_half);
  const auto head = it.log->head();
  it.open();
  CHECK(it.log->head() == head);
  CHECK(it.log->records() == it.all.size());
  CHECK_FALSE(it.log->recovered().damage.has_value());
  for (std::uint64_t i = 0; i < 20; ++i)
    it.append(100 + i);
  it.retain(keep_half);
  it.check_the_rest();
  it.open(nullptr);
  CHECK(it.log->records() == it.all.size());
  CHECK_FALSE(verify(it.disk).value().first_fault.has_value());
  CHECK(verify(it.disk).value().key == somebody().key());
}

TEST_CASE("the summary tells of each dropped segment, of the oldest only in sum") {
  signed_log it{3 * summary::entries_max + 600};
  std::vector<sha256_hash> behind; // What the next segment says of the one before.
  for (std::uint32_t number = 1; number <= it.segments().back(); ++number)
    behind.push_back(segment_reader::open(it.disk, number).value().header().value().predecessor);
  it.retain(keep_half);
  const auto what = read_summary(it.disk, somebody().key()).value()->what;
  CHECK(what.totals.segments > summary::entries_max);
  REQUIRE(what.latest.size() == summary::entries_max);
  auto number = what.kept.segment - summary::entries_max;
  for (const auto& one : what.latest) {
    REQUIRE(one.number == number);
    CHECK(one.head == behind[number]);
    CHECK_FALSE(one.damage.has_value());
    ++number;
  }
  it.check_the_rest();
}

TEST_CASE("nothing is dropped without a signer, nor while a check is under way") {
  signed_log it;
  {
    const auto check = it.log->verifier();
    CHECK(it.log->retain(keep_half).value());
    CHECK(it.segments().front() == 0);
    CHECK(check().value().records == it.all.size());
  }
  it.open(nullptr);
  CHECK(it.log->retain(keep_half).error() == errc::unavailable);
  CHECK(it.segments().front() == 0);
}

TEST_CASE("a segment's index goes with it") {
  signed_log it;
  it.disk.files[index_name(0)];
  it.disk.files[index_name(it.segments().back())];
  it.retain(keep_half);
  CHECK_FALSE(it.disk.files.contains(index_name(0)));
  CHECK(it.disk.files.contains(index_name(it.segments().back())));
}

TEST_CASE("an index that is made while its segment is dropped goes, too") {
  signed_log it;
  const auto job = it.log->next_index_job();
  REQUIRE(job.has_value());
  auto made = job->work();
  it.retain(keep_half);
  REQUIRE(it.segments().front() > job->segment);
  (void)job->work(); // As if it had ended only now.
  it.log->indexed(job->segment, std::move(made));
  for (const auto& [name, bytes_] : it.disk.files)
    CHECK_FALSE((name == index_name(job->segment) || name == pieces_name(job->segment)));
}

TEST_CASE("any flipped bit of the summary is found, and any length") {
  signed_log it;
  it.retain(keep_half);
  auto& file = it.file(summary_name);
  const auto good = file;
  std::mt19937_64 random{5};
  for (std::size_t at = 0; at < good.size(); ++at) {
    file[at] ^= std::byte{1} << (random() % 8);
    REQUIRE(it.report().first_fault.value().what == fault_kind::summary_invalid);
    file = good;
  }
  for (auto size : {std::size_t{0}, std::size_t{1}, good.size() - 1, good.size() + 1}) {
    file.resize(size);
    REQUIRE(it.report().first_fault.value().what == fault_kind::summary_invalid);
    file = good;
  }
  CHECK_FALSE(it.report().first_fault.has_value());
}

TEST_CASE("a summary of somebody else is found, and nothing is dropped behind it") {
  signed_log it;
  it.retain(keep_half);
  const auto what = read_summary(it.disk, {}).value()->what;
  it.file(summary_name) = encode(what, somebody(2)).value();
  CHECK(it.report().first_fault.value().what == fault_kind::summary_invalid);
  CHECK_FALSE(it.report(somebody(2).key()).first_fault.has_value());
  it.open();
  CHECK(it.log->recovered().witness == fault_kind::summary_invalid);
  CHECK(it.log->retain({.bytes_max = 1}).error() == errc::corrupt);
  CHECK(it.log->records() == it.all.size());
  it.append(9);
}

TEST_CASE("a missing summary, an older one, and a missing segment behind it are found") {
  signed_log it;
  it.retain({.bytes_max = 30'000});
  const auto older = it.file(summary_name);
  const auto between = it.segments().front();
  it.retain(keep_half);
  const auto newer = it.file(summary_name);
  CHECK(it.segments().front() > between);

  it.file(summary_name) = older;
  CHECK(it.report().first_fault.value().what == fault_kind::segment_missing);
  CHECK(it.report().first_fault.value().segment == between);
  it.disk.files.erase(summary_name);
  CHECK(it.report().first_fault.value().what == fault_kind::segment_missing);
  CHECK(it.report().first_fault.value().segment == 0);
  it.disk.files[summary_name] = newer;
  const auto first = it.segments().front();
  it.disk.files.erase(segment_name(first));
  CHECK(it.report().first_fault.value().segment == first);
  for (const auto number : it.segments())
    it.disk.files.erase(segment_name(number));
  CHECK(it.report().first_fault.value() ==
        fault{fault_kind::segment_missing, first, 0, it.report().first_fault.value().sequence});
  it.open();
  CHECK(it.log->recovered().damage.value().what == fault_kind::segment_missing);
  CHECK(it.log->records() == it.report().dropped.value().records);
  (void)fill(*it.log, 50);
  REQUIRE(it.log->commit(durability::synced).has_value());
  CHECK(it.report().first_fault.value().what == fault_kind::segment_missing);
}

TEST_CASE("damage is told by the summary when its segment goes, and the rest verifies") {
  for (const bool header : {true, false}) {
    signed_log it;
    it.file(segment_name(1))[header ? 30 : 300] ^= std::byte{1};
    CHECK(it.report().first_fault.value().segment == 1);
    it.retain(keep_half);
    CHECK_FALSE(it.report().first_fault.has_value());
    CHECK(it.report().dropped.value().damaged == 1);
    const auto told = read_summary(it.disk, {}).value()->what.latest.at(1);
    CHECK(told.damage == (header ? fault_kind::header_damaged : fault_kind::block_damaged));
  }
  signed_log it;
  it.disk.files.erase(segment_name(2));
  it.retain(keep_half);
  CHECK(it.report().dropped.value().damaged == 1);
  const auto told = read_summary(it.disk, {}).value()->what.latest.at(2);
  CHECK(told.number == 3);
  CHECK(told.damage == fault_kind::segment_missing);
}

TEST_CASE("segments that the summary covers are passed over by a check and removed by the log") {
  signed_log it;
  const auto old = it.file(segment_name(0));
  it.retain(keep_half);
  it.disk.files[segment_name(0)] = old;
  CHECK_FALSE(it.report().first_fault.has_value());
  it.open();
  CHECK_FALSE(it.disk.files.contains(segment_name(0)));
  it.check_the_rest();
}

TEST_CASE("random bytes under a right seal are survived as a summary") {
  signed_log it;
  it.retain(keep_half);
  const auto good = it.file(summary_name);
  std::mt19937_64 random{8};
  for (int i = 0; i < 500; ++i) {
    auto piece = good;
    piece.resize(piece.size() - seal_bytes);
    for (auto changes = random() % 4 + 1; changes > 0; --changes)
      piece[10 + random() % (piece.size() - 10)] = static_cast<std::byte>(random());
    if (random() % 4 == 0)
      piece.resize(10 + random() % (piece.size() - 10));
    REQUIRE(seal_piece(piece, somebody()).has_value());
    memory_disk disk;
    disk.files = it.disk.files;
    disk.files[summary_name] = std::move(piece);
    (void)verify(disk).value();
    auto log = provenance::log::open(disk, it.clock, small_limits, &somebody());
    REQUIRE(log.has_value());
    (void)fill(*log.value(), 60);
    REQUIRE(log.value()->commit(durability::synced).has_value());
    (void)log.value()->retain({.bytes_max = 5000});
    CHECK(read_all(*log.value()).size() >= 60);
  }
}
