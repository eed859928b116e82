#include "runtime/base/bytes.hpp"
#include "runtime/provenance/log.hpp"
#include "tests/unit/provenance/samples.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::provenance;

namespace {

using bytes = std::vector<std::byte>;

/// A log of several segments, and where its blocks lie.
struct written_log {
  struct place {
    std::uint32_t segment;
    std::size_t offset;
    std::size_t size;
  };
  memory_disk disk;
  manual_clock clock;
  std::vector<place> blocks;

  /// At least 20 blocks of 50 records, the last two of them in one segment.
  written_log() {
    auto log = provenance::log::open(disk, clock, small_limits);
    for (std::uint64_t i = 0; i < 20 || blocks[i - 2].segment != blocks[i - 1].segment; ++i) {
      REQUIRE(log.value()->append(who(static_cast<int>(i)), accesses(50, i)).has_value());
      REQUIRE(log.value()->commit(durability::synced).has_value());
      const auto segment = segments_of(disk).value().back();
      auto reader = segment_reader::open(disk, segment);
      place last{};
      while (const auto block = reader.value().next().value())
        last = {segment, block->offset, block->image.size()};
      blocks.push_back(last);
    }
    REQUIRE(blocks.back().segment >= 4);
  }
  std::uint64_t records() const { return blocks.size() * 50; }

  bytes& file(std::uint32_t segment) { return disk.files.at(segment_name(segment)); }
  bytes take(const place& it) {
    const auto from = file(it.segment).begin() + static_cast<std::ptrdiff_t>(it.offset);
    return {from, from + static_cast<std::ptrdiff_t>(it.size)};
  }
  std::optional<fault> found() { return verify(disk).value().first_fault; }
};

/// Puts both checksums right, as somebody would who forges a block.
void forge(std::span<std::byte> image) {
  const auto payload = image.subspan(block_header::bytes);
  put_number(image.data() + 24, checksum(payload));
  put_number(image.data() + 8, checksum(image.first(block_header::bytes).subspan(16)));
}

/// Two blocks of the same segment that follow each other, the first at this or a later number.
std::size_t pair_from(const written_log& log, std::size_t number) {
  while (log.blocks[number].segment != log.blocks[number + 1].segment)
    ++number;
  return number;
}

} // namespace

TEST_CASE("an untouched log verifies, to its head") {
  written_log log;
  const auto report = verify(log.disk).value();
  CHECK_FALSE(report.first_fault.has_value());
  CHECK(report.blocks == log.blocks.size());
  CHECK(report.records == log.records());
  CHECK(report.segments == log.disk.files.size());
  std::uint64_t size = 0;
  for (const auto& [name, it] : log.disk.files)
    size += it.size();
  CHECK(report.bytes == size);
  CHECK(report.head == provenance::log::open(log.disk, log.clock).value()->head());
}

TEST_CASE("an empty folder verifies as an empty log") {
  memory_disk disk;
  const auto report = verify(disk).value();
  CHECK(report.blocks == 0);
  CHECK_FALSE(report.first_fault.has_value());
}

TEST_CASE("a forged block with right checksums is found by the one behind it") {
  written_log log;
  for (std::size_t i = 0; i + 1 < log.blocks.size(); ++i) {
    const auto& it = log.blocks[i];
    auto& file = log.file(it.segment);
    const auto before = file;
    file[it.offset + it.size - 1] ^= std::byte{1};
    forge(std::span{file}.subspan(it.offset, it.size));
    const auto found = log.found();
    file = before;
    REQUIRE(found.has_value());
    CHECK(found->what == fault_kind::chain_broken);
    CHECK(found->sequence == i + 1);
    const auto& next = log.blocks[i + 1];
    CHECK(found->segment == next.segment);
    CHECK(found->offset == (next.segment == it.segment ? next.offset : 0));
  }
}

TEST_CASE("a forged segment header is found") {
  written_log log;
  auto& file = log.file(2);
  put_number(file.data() + 40, std::uint64_t{1}); // The time of creation.
  put_number(file.data() + 8, checksum(std::span{file}.first(segment_header::bytes).subspan(16)));
  const auto found = log.found();
  REQUIRE(found.has_value());
  CHECK(found->what == fault_kind::chain_broken);
  CHECK(found->segment == 2);
  CHECK(found->offset == segment_header::bytes);
}

TEST_CASE("a removed block is found where it stood") {
  written_log log;
  for (std::size_t i = 0; i + 1 < log.blocks.size(); ++i) {
    const auto& it = log.blocks[i];
    auto& file = log.file(it.segment);
    const auto before = file;
    file.erase(file.begin() + static_cast<std::ptrdiff_t>(it.offset),
               file.begin() + static_cast<std::ptrdiff_t>(it.offset + it.size));
    const auto found = log.found();
    file = before;
    REQUIRE(found.has_value());
    CHECK(found->what == fault_kind::out_of_order);
    CHECK(found->sequence == i);
    const bool last = log.blocks[i + 1].segment != it.segment;
    CHECK(found->segment == it.segment + (last ? 1 : 0));
    CHECK(found->offset == (last ? 0 : it.offset));
  }
}

TEST_CASE("two blocks in each other's place are found at the first") {
  written_log log;
  const auto i = pair_from(log, 5);
  const auto &a = log.blocks[i], &b = log.blocks[i + 1];
  auto& file = log.file(a.segment);
  auto both = log.take(b);
  const auto first = log.take(a);
  both.insert(both.end(), first.begin(), first.end());
  std::copy(both.begin(), both.end(), file.begin() + static_cast<std::ptrdiff_t>(a.offset));
  const auto found = log.found();
  REQUIRE(found.has_value());
  CHECK(*found == fault{fault_kind::out_of_order, a.segment, a.offset, i});
}

TEST_CASE("a block replaced by a copy of another one is found, also with its numbers set right") {
  written_log log;
  const auto i = pair_from(log, 5);
  const auto &a = log.blocks[i], &b = log.blocks[i + 1];
  auto& file = log.file(b.segment);
  auto copy = log.take(a);
  const auto tail = bytes(file.begin() + static_cast<std::ptrdiff_t>(b.offset + b.size), file.end());
  auto replace = [&] {
    file.resize(b.offset);
    file.insert(file.end(), copy.begin(), copy.end());
    file.insert(file.end(), tail.begin(), tail.end());
    return log.found();
  };
  CHECK(*replace() == fault{fault_kind::out_of_order, b.segment, b.offset, i + 1});
  put_number(copy.data() + 32, std::uint64_t{i + 1});
  put_number(copy.data() + 40, std::uint64_t{(i + 1) * 50});
  forge(copy);
  CHECK(*replace() == fault{fault_kind::chain_broken, b.segment, b.offset, i + 1});
}

TEST_CASE("missing, renamed and foreign segments are found") {
  {
    written_log log;
    log.disk.files.erase(segment_name(2));
    CHECK(log.found()->what == fault_kind::segment_missing);
    CHECK(log.found()->segment == 2);
  }
  {
    written_log log;
    log.disk.files.erase(segment_name(0));
    CHECK(log.found()->what == fault_kind::segment_missing);
  }
  {
    written_log log;
    std::swap(log.disk.files[segment_name(1)], log.disk.files[segment_name(2)]);
    CHECK(*log.found() == fault{fault_kind::header_damaged, 1, 0, log.found()->sequence});
  }
}

TEST_CASE("damage before the end is reported, left in place, and followed by a new segment") {
  written_log log;
  const auto i = log.blocks.size() - 2;
  const auto& it = log.blocks[i];
  auto& file = log.file(it.segment);
  file[it.offset + it.size / 2] ^= std::byte{4};
  const auto before = file;

  auto opened = provenance::log::open(log.disk, log.clock, small_limits);
  REQUIRE(opened.has_value());
  auto& again = *opened.value();
  REQUIRE(again.recovered().damage.has_value());
  CHECK(*again.recovered().damage == fault{fault_kind::block_damaged, it.segment, it.offset, i});
  CHECK(again.recovered().bytes_cut == 0);
  CHECK(again.records() == log.records());
  CHECK(again.append(who(), accesses(70, 77)).value() == log.records());
  REQUIRE(again.commit(durability::synced).has_value());
  CHECK(file == before);
  CHECK(segment_reader::open(log.disk, it.segment + 1).value().header().value().flags ==
        segment_header::flag_after_damage);

  // All but the damaged block is readable, and the damage stays visible.
  CHECK(read_all(again).size() == log.records() - 50 + 70);
  CHECK(*again.verifier()().value().first_fault ==
        fault{fault_kind::block_damaged, it.segment, it.offset, i});
  opened = provenance::log::open(log.disk, log.clock, small_limits);
  CHECK_FALSE(opened.value()->recovered().damage.has_value());
  CHECK(opened.value()->records() == log.records() + 70);
}

TEST_CASE("a damaged header of the last segment is reported, and its blocks are kept") {
  written_log log;
  const auto last = log.blocks.back().segment;
  log.file(last)[20] ^= std::byte{1};
  auto opened = provenance::log::open(log.disk, log.clock, small_limits);
  REQUIRE(opened.value()->recovered().damage.has_value());
  CHECK(opened.value()->recovered().damage->what == fault_kind::header_damaged);
  CHECK(opened.value()->verifier()().value().first_fault->what == fault_kind::header_damaged);
  CHECK(opened.value()->records() == log.records());
  CHECK(read_all(*opened.value()).size() == log.records());
}

TEST_CASE("a last segment that lost everything is reported, and the log goes on behind the one before") {
  written_log log;
  const auto last = log.blocks.back().segment;
  std::fill(log.file(last).begin(), log.file(last).end(), std::byte{0});
  std::size_t kept = 0;
  for (const auto& it : log.blocks)
    kept += it.segment != last ? 50 : 0;
  auto opened = provenance::log::open(log.disk, log.clock, small_limits);
  REQUIRE(opened.value()->recovered().damage.has_value());
  CHECK(opened.value()->records() == kept);
  REQUIRE(opened.value()->append(who(), accesses(10)).has_value());
  REQUIRE(opened.value()->commit(durability::synced).has_value());
  CHECK(log.disk.files.contains(segment_name(last + 1)));
}

TEST_CASE("a segment of a later version is refused, and nothing is changed") {
  written_log log;
  const auto last = log.blocks.back().segment;
  auto& file = log.file(last);
  put_number(file.data() + 16, std::uint16_t{format_version + 1});
  put_number(file.data() + 8, checksum(std::span{file}.first(segment_header::bytes).subspan(16)));
  const auto before = file;
  CHECK(provenance::log::open(log.disk, log.clock).error() == errc::unsupported);
  CHECK(verify(log.disk).error() == errc::unsupported);
  CHECK(file == before);
}

TEST_CASE("a log that counts further than any log gets is refused") {
  for (const bool blocks : {true, false}) {
    memory_disk disk;
    manual_clock clock;
    auto& file = disk.files[segment_name(0)];
    file.resize(segment_header::bytes);
    segment_header header;
    (blocks ? header.first_sequence : header.first_position) = count_max;
    put(header, std::span{file}.first<segment_header::bytes>());
    CHECK(provenance::log::open(disk, clock).error() == errc::corrupt);
    CHECK(verify(disk).value().first_fault->what == fault_kind::out_of_order);
  }
}

TEST_CASE("random bytes as log files are survived") {
  std::mt19937_64 random{9};
  manual_clock clock;
  written_log good;
  for (int i = 0; i < 300; ++i) {
    memory_disk disk;
    for (const auto& [name, it] : good.disk.files) {
      auto& live = disk.files[name];
      live = it;
      for (auto changes = random() % 6; changes > 0; --changes)
        live[random() % live.size()] = static_cast<std::byte>(random());
      if (random() % 4 == 0)
        live.resize(random() % live.size());
    }
    auto log = provenance::log::open(disk, clock, small_limits);
    REQUIRE(log.has_value());
    REQUIRE(log.value()->append(who(), accesses(60)).has_value());
    REQUIRE(log.value()->commit(durability::synced).has_value());
    const auto all = read_all(*log.value());
    CHECK(all.size() >= 60);
    const auto next = log.value()->records();
    log = provenance::log::open(disk, clock, small_limits);
    CHECK(log.value()->records() == next);
  }
}
