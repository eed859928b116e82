#include "runtime/provenance/anchor.hpp"
#include "tests/unit/provenance/samples.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::provenance;

namespace {

using bytes = std::vector<std::byte>;

/// A log with an anchor behind every third of its blocks, or of `every`.
struct anchored_log {
  memory_disk disk;
  manual_clock clock;
  std::unique_ptr<provenance::log> log;
  std::uint64_t blocks = 0;
  std::uint64_t every;

  explicit anchored_log(std::uint64_t wanted = 30, std::uint64_t other_at = ~std::uint64_t{0},
                        std::uint64_t anchors_every = 3)
      : every(anchors_every) {
    open();
    while (blocks < wanted)
      append(blocks == other_at ? 1000 : blocks);
  }
  void open(const signer* by = &somebody()) {
    log.reset();
    auto made = provenance::log::open(disk, clock, small_limits, by);
    REQUIRE(made.has_value());
    log = std::move(made.value());
  }
  void append(std::uint64_t seed) {
    clock.advance(std::chrono::minutes{1});
    fill(*log, 50, seed);
    REQUIRE(log->commit(durability::synced).has_value());
    if (++blocks % every == 0)
      REQUIRE(log->set_anchor().has_value());
  }
  bytes& anchors() { return disk.files.at(anchors_name); }
  bytes anchor_at(std::size_t number) {
    const auto from = anchors().begin() + static_cast<std::ptrdiff_t>(number * anchor::bytes);
    return {from, from + anchor::bytes};
  }
  verification report() { return verify(disk, {}, {.key = somebody().key()}).value(); }
};

} // namespace

TEST_CASE("a check goes through every anchor, and an anchor is set only where the head moved") {
  anchored_log it;
  CHECK(it.report().anchors == 10);
  CHECK(it.report().last_anchor == it.clock.wall());
  CHECK(it.report().key == somebody().key());
  CHECK_FALSE(it.report().first_fault.has_value());
  CHECK(verify(it.disk).value().key == somebody().key());
  REQUIRE(it.log->set_anchor().has_value());
  it.open();
  REQUIRE(it.log->set_anchor().has_value());
  CHECK(it.anchors().size() == 10 * anchor::bytes);
  it.open(nullptr);
  CHECK(it.log->set_anchor().error() == errc::unavailable);
}

TEST_CASE("an anchor speaks of what is durable, and of nothing while the log is empty") {
  memory_disk disk;
  auto log = opened(disk, small_limits, &somebody());
  REQUIRE(log->set_anchor().has_value());
  CHECK_FALSE(disk.files.contains(anchors_name));
  fill(*log, 75);
  REQUIRE(log->set_anchor().has_value());
  CHECK(log->durable_records() == 75);
  const auto found = anchors_of(disk).value().all.at(0);
  CHECK(found.what.position == 75);
  CHECK(found.what.head == log->head());
  CHECK(found.by(somebody().key()));
}

TEST_CASE("a log that was rewritten with all its hashes is found by the first anchor behind the change") {
  for (const std::uint64_t changed : {0u, 7u, 29u}) {
    CAPTURE(changed);
    anchored_log real;
    anchored_log forged{30, changed};
    REQUIRE_FALSE(forged.report().first_fault.has_value());
    forged.anchors() = real.anchors();
    const auto found = forged.report().first_fault;
    REQUIRE(found.has_value());
    CHECK(found->what == fault_kind::anchor_mismatch);
    CHECK(found->sequence == (changed / 3 + 1) * 3);
    CHECK(forged.report().anchors == changed / 3);
    const auto checked = forged.log->verifier()();
    CHECK(checked.value().first_fault == found);
  }
}

TEST_CASE("a log that was cut short behind a block is found, and said when it is opened") {
  anchored_log it;
  const auto number = segments_of(it.disk).value().back();
  auto& file = it.disk.files.at(segment_name(number));
  file.resize(segment_header::bytes);
  const auto found = it.report().first_fault;
  REQUIRE(found.has_value());
  CHECK(found->what == fault_kind::anchor_mismatch);
  CHECK(found->segment == number);
  CHECK(found->offset == segment_header::bytes);
  it.open();
  CHECK(it.log->recovered().damage.value().what == fault_kind::anchor_mismatch);
  CHECK(it.log->verifier()().value().first_fault.value().what == fault_kind::anchor_mismatch);
  for (std::uint64_t i = 0; i < 5; ++i)
    it.append(i);
  CHECK(it.report().first_fault.value().what == fault_kind::anchor_mismatch);
  it.open();
  CHECK(read_all(*it.log).size() == it.log->records());
}

TEST_CASE("any flipped bit of an anchor is found where it is, but in the last, which may be unfinished") {
  anchored_log it{9};
  const auto good = it.anchors();
  const auto last = good.size() - anchor::bytes;
  std::mt19937_64 random{4};
  for (std::size_t at = 0; at < good.size(); ++at) {
    it.anchors()[at] ^= std::byte{1} << (random() % 8);
    const auto report = it.report();
    const auto running = it.log->verifier()().value();
    it.anchors() = good;
    CHECK(report.anchors == 2);
    REQUIRE(running.first_fault.value() ==
            fault{fault_kind::anchor_invalid, 0, at / anchor::bytes * anchor::bytes, 0});
    if (at < last)
      REQUIRE(report.first_fault == running.first_fault);
    else
      REQUIRE_FALSE(report.first_fault.has_value());
  }
}

TEST_CASE("an anchor that somebody else signed is found") {
  anchored_log it;
  auto what = decode_anchor(it.anchor_at(4)).value().what;
  const auto forged = encode(what, somebody(2)).value();
  std::copy(forged.begin(), forged.end(), it.anchors().begin() + 4 * anchor::bytes);
  const fault expected{fault_kind::anchor_invalid, 0, 4 * anchor::bytes, 0};
  CHECK(it.report().first_fault.value() == expected);
  CHECK(verify(it.disk).value().first_fault.value() == expected);
  CHECK(verify(it.disk, {}, {.key = somebody(2).key()}).value().first_fault.has_value());
}

TEST_CASE("anchors that are gone while the log knows of them are found") {
  anchored_log it;
  it.anchors().resize(5 * anchor::bytes);
  CHECK(it.log->verifier()().value().first_fault.value() ==
        fault{fault_kind::anchor_invalid, 0, 5 * anchor::bytes, 0});
  it.disk.files.erase(anchors_name);
  CHECK(it.log->verifier()().value().first_fault.value().what == fault_kind::anchor_invalid);
}

TEST_CASE("an unfinished last anchor is cut, and the next stands in its place") {
  for (const auto length : {std::size_t{1}, anchor::bytes - 1, anchor::bytes}) {
    anchored_log it;
    const auto whole = it.anchors().size();
    it.anchors().resize(whole + length);
    CHECK_FALSE(it.report().first_fault.has_value());
    it.open();
    CHECK(it.anchors().size() == whole);
    CHECK_FALSE(it.log->recovered().witness.has_value());
    for (std::uint64_t i = 0; i < 3; ++i)
      it.append(i);
    CHECK(it.anchors().size() == whole + anchor::bytes);
    CHECK(it.report().anchors == 11);
  }
}

TEST_CASE("there are never more anchors than their file may hold; the older half goes") {
  anchored_log it{anchors_max, 0, 1};
  CHECK(it.anchors().size() == anchors_max * anchor::bytes);
  it.append(1);
  CHECK(it.anchors().size() == (anchors_max / 2 + 1) * anchor::bytes);
  CHECK(it.report().anchors == anchors_max / 2 + 1);
  CHECK_FALSE(it.report().first_fault.has_value());
}

TEST_CASE("a file of anchors past its limit is found and not read further") {
  anchored_log it;
  it.anchors().resize((anchors_max + 5) * anchor::bytes);
  CHECK(it.report().first_fault.value().what == fault_kind::anchor_invalid);
  it.open();
  CHECK(it.log->recovered().witness == fault_kind::anchor_invalid);
}

TEST_CASE("anchors go with the segments they speak of, and those that do not hold stay") {
  anchored_log it;
  auto forged = encode(decode_anchor(it.anchor_at(1)).value().what, somebody(2)).value();
  std::copy(forged.begin(), forged.end(), it.anchors().begin() + anchor::bytes);
  while (it.log->retain({.bytes_max = 20'000}).value())
    ;
  const auto kept = read_summary(it.disk, {}).value()->what.kept.sequence;
  const auto left = anchors_of(it.disk).value().all;
  REQUIRE(left.size() > 2);
  CHECK(left[0].image == forged);
  for (std::size_t i = 1; i < left.size(); ++i)
    CHECK(left[i].what.sequence > kept);
  CHECK(left.size() == 1 + 10 - kept / 3);
  CHECK(it.report().anchors == left.size() - 1);
}

TEST_CASE("a rewritten segment is told by the summary when it goes") {
  anchored_log real;
  anchored_log forged{30, 1};
  forged.anchors() = real.anchors();
  while (forged.log->retain({.bytes_max = 20'000}).value())
    ;
  const auto told = read_summary(forged.disk, {}).value()->what.latest;
  CHECK(told.at(0).damage == fault_kind::anchor_mismatch);
}
