#include "actors/image/far_reader.hpp"
#include "tests/actors/images.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::actors;

TEST_CASE("who looks into an image gets its blocks behind all demand, and they are fetched once for all") {
  images on;
  const auto looked = on.look({8, 4});
  REQUIRE(on.source->reads.size() == 1);
  CHECK(on.source->reads[0].how == origin::priority::prefetch);
  CHECK_FALSE(*looked);
  const auto read = on.want({9, 1});
  const auto again = on.look({10, 2});
  CHECK(on.source->reads.size() == 1);
  on.arrive(0);
  CHECK((*looked)->bytes.value() == on.bytes_of({8, 4}));
  CHECK((*again)->bytes.value() == on.bytes_of({10, 2}));
  CHECK((*read)->bytes.value() == on.bytes_of({9, 1}));
  const auto local = on.look({8, 4});
  CHECK((*local)->bytes.value() == on.bytes_of({8, 4}));
  CHECK(on.source->reads.size() == 1);
}

TEST_CASE("what was fetched to look into an image is a hit of the analysis when a program reads it") {
  images on;
  on.look({8, 4});
  on.arrive(0);
  on.hit({8, 2});
  CHECK(on.figures().prefetched.prefetched == 4);
  CHECK(on.figures().prefetched.hit == 2);
  const auto why = on.ask<prefetch::ledger_entry>(on.who, why_atom_v, std::uint64_t{8});
  CHECK(why.value().why.by == expert::static_analysis);
}

TEST_CASE("a look that the origin fails is told so, and demand behind it is not hurt") {
  images on;
  const auto looked = on.look({8, 4});
  on.lose(0);
  REQUIRE(*looked);
  CHECK((*looked)->bytes.error() == errc::unavailable);
  const auto read = on.want({8, 1});
  on.arrive(1);
  CHECK((*read)->bytes.value() == on.bytes_of({8, 1}));
}

TEST_CASE("looks past the bound are refused") {
  images on;
  std::vector<answer_place> looked;
  for (std::uint64_t block = 0; block < 64; ++block)
    looked.push_back(on.look({block, 1}));
  const auto refused = on.look({0, 1});
  REQUIRE(*refused);
  CHECK((*refused)->bytes.error() == errc::overloaded);
  CHECK_FALSE(*looked.back());
}

TEST_CASE("a reader from afar fetches what it is told of early, and takes from here what is here") {
  images on;
  bool wanted = true;
  far_reader reader{on.plane, on.others, [&] { return wanted; }};
  reader.soon(8 << block_shift, 4 << block_shift);
  reader.soon(~std::uint64_t{0} - 5, 4);
  on.scheduler.run();
  REQUIRE(on.source->reads.size() == 1);
  CHECK(on.source->reads[0].where() == extent{8, 4});
  on.arrive(0);
  std::vector<std::byte> bytes(5000);
  REQUIRE(reader.read((8 << block_shift) + 100, bytes));
  const auto expected = on.bytes_of({8, 4});
  CHECK(std::equal(bytes.begin(), bytes.end(), expected.begin() + 100));
  CHECK(reader.read(on.plane->bytes - 10, bytes).error() == errc::out_of_range);
  wanted = false;
  CHECK(reader.read(0, bytes).error() == errc::cancelled);
  CHECK(on.source->reads.size() == 1);
}
