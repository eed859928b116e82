#include "tests/unit/provenance/samples.hpp"
#include <set>

using namespace forerun;
using namespace forerun::provenance;

namespace {

/// A segment and a place in its file.
using place = std::pair<std::uint32_t, std::size_t>;

/// Where headers and blocks begin.
std::set<place> links_of(disk& in) {
  std::set<place> links;
  const auto segments = segments_of(in).value();
  for (const auto segment : segments) {
    links.insert({segment, 0});
    auto reader = segment_reader::open(in, segment);
    while (const auto block = reader.value().next().value())
      links.insert({segment, block->offset});
  }
  return links;
}

place link_around(const std::set<place>& links, place at) {
  return *std::prev(links.upper_bound(at));
}

std::byte& byte_at(memory_disk& in, place at) {
  return in.files.at(segment_name(at.first))[at.second];
}

/// A log of any shape: full and small blocks, one segment or many.
void write_any(disk& to, std::mt19937_64& random) {
  const auto log = opened(to, {.block_records = static_cast<std::uint32_t>(1 + random() % 300),
                               .segment_bytes = 2000 + random() % 40'000});
  for (auto commits = 1 + random() % 20; commits > 0; --commits) {
    fill(*log, 1 + random() % 400, random());
    REQUIRE(log->commit(durability::written).has_value());
  }
}

} // namespace

TEST_CASE("any flipped bit is found in the block or header where it is") {
  memory_disk disk;
  std::mt19937_64 random{3};
  {
    const auto log = opened(disk);
    for (std::uint64_t i = 0; i < 20; ++i) {
      fill(*log, 50, i);
      REQUIRE(log->commit(durability::written).has_value());
    }
  }
  const auto links = links_of(disk);
  const auto segments = segments_of(disk).value();
  REQUIRE(segments.size() > 4);
  for (const auto segment : segments)
    for (std::size_t at = 0; at < disk.files.at(segment_name(segment)).size(); ++at) {
      const auto link = link_around(links, {segment, at});
      const bool segment_head = link.second == 0;
      const auto header = segment_head ? segment_header::bytes : block_header::bytes;
      // All bits of the headers, one of each byte of the payloads.
      const bool all = at - link.second < header;
      for (std::size_t bit = all ? 0 : random() % 8, end = all ? 8 : bit + 1; bit < end; ++bit) {
        auto& byte = byte_at(disk, {segment, at});
        byte ^= std::byte{1} << bit;
        const auto found = verify(disk).value().first_fault;
        byte ^= std::byte{1} << bit;
        REQUIRE(found.has_value());
        REQUIRE(place{found->segment, found->offset} == link);
        REQUIRE(found->what == (segment_head ? fault_kind::header_damaged : fault_kind::block_damaged));
      }
    }
}

TEST_CASE("of several flipped bits in a log of any shape the first is found") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    memory_disk disk;
    write_any(disk, random);
    const auto links = links_of(disk);
    const auto segments = segments_of(disk).value();
    for (int round = 0; round < 60; ++round) {
      std::set<std::pair<place, std::size_t>> bits;
      for (auto flips = 1 + random() % 5; flips > 0; --flips) {
        const auto segment = segments[random() % segments.size()];
        bits.insert({{segment, random() % disk.files.at(segment_name(segment)).size()}, random() % 8});
      }
      const auto flip = [&] {
        for (const auto& [at, bit] : bits)
          byte_at(disk, at) ^= std::byte{1} << bit;
      };
      flip();
      const auto found = verify(disk).value().first_fault;
      flip();
      REQUIRE(found.has_value());
      REQUIRE(place{found->segment, found->offset} == link_around(links, bits.begin()->first));
    }
  }
}
