#include "tests/actors/images.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::actors;
using namespace std::chrono_literals;

TEST_CASE("a read of absent blocks is fetched as demand, answered, and local from then on") {
  images on;
  const auto answer = on.want({2, 3});
  REQUIRE(on.source->reads.size() == 1);
  CHECK(on.source->reads[0].where() == extent{2, 3});
  CHECK(on.source->reads[0].how == origin::priority::demand);
  CHECK(on.in_flight(3));
  CHECK_FALSE(answer->has_value());
  CHECK(last<demand_sent>(on.prefetcher).bytes == 3 * block_bytes);

  on.arrive(0);
  REQUIRE(answer->has_value());
  CHECK((*answer)->how == outcome::miss);
  CHECK((*answer)->bytes.value() == on.bytes_of({2, 3}));
  CHECK(on.plane->local(4));
  CHECK_FALSE(on.plane->map.at(4).fresh());
  CHECK_FALSE(on.in_flight(4));
  CHECK(last<admitted>(on.tier).where == extent{2, 3});
  CHECK_FALSE(last<admitted>(on.tier).prefetched);
  CHECK(last<demand_done>(on.prefetcher).ok);
  CHECK(on.figures().demand_blocks == 3);
}

TEST_CASE("only what a read needs is fetched for it") {
  images on;
  const auto answer = on.want({0, 8}, {2, 6});
  REQUIRE(on.source->reads.size() == 2);
  CHECK(on.source->reads[0].where() == extent{2, 1});
  CHECK(on.source->reads[1].where() == extent{6, 1});
  on.arrive(1);
  CHECK_FALSE(answer->has_value());
  on.arrive(0);
  REQUIRE(answer->has_value());
  const auto& bytes = (*answer)->bytes.value();
  CHECK(bytes[2 * block_bytes] == image_byte(2 * block_bytes));
  CHECK(bytes[6 * block_bytes + 5] == image_byte(6 * block_bytes + 5));
}

TEST_CASE("what is local already is not fetched again") {
  images on;
  on.want({0, 2});
  on.arrive(0);
  const auto answer = on.want({0, 2});
  CHECK(on.source->reads.size() == 1);
  REQUIRE(answer->has_value());
  CHECK((*answer)->bytes.value() == on.bytes_of({0, 2}));
}

TEST_CASE("a read joins the prefetch that has its blocks under way, and is late") {
  images on;
  on.move({8, 4});
  REQUIRE(on.source->reads.size() == 1);
  CHECK(on.source->reads[0].how == origin::priority::prefetch);
  const auto answer = on.want({9, 2});
  CHECK(on.source->reads.size() == 1);
  on.arrive(0);
  REQUIRE(answer->has_value());
  CHECK((*answer)->how == outcome::late);
  CHECK((*answer)->bytes.value() == on.bytes_of({9, 2}));
  CHECK(on.plane->map.at(8).fresh());
  CHECK_FALSE(on.plane->map.at(9).fresh());
  const auto sum = on.figures().prefetched;
  CHECK(sum.prefetched == 4);
  CHECK(sum.late == 2);
  CHECK(sum.pending == 2);
  const auto done = last<plan_done>(on.prefetcher);
  CHECK(done.planned == extent{8, 4});
  CHECK(done.bytes == 4 * block_bytes);
}

TEST_CASE("the first read of a prefetched block is a hit, and says for whom") {
  images on;
  on.move({8, 4}, expert::stream);
  on.arrive(0);
  CHECK(last<admitted>(on.tier).prefetched);
  on.hit({8, 3});
  on.hit({8, 3});
  const auto sum = on.figures().prefetched;
  CHECK(sum.hit == 3);
  CHECK(sum.pending == 1);
  const auto proof = last<proved>(on.prefetcher);
  REQUIRE(proof.used.size() == 1);
  CHECK(proof.used[0].first.by == expert::stream);
  CHECK(proof.used[0].second == 3);
  on.pass(1s);
  CHECK(last<settled>(on.prefetcher).fared.moved_blocks == 4);
  const auto why = on.ask<prefetch::ledger_entry>(on.who, why_atom_v, std::uint64_t{9}).value();
  CHECK(why.state == prefetch::settlement::hit);
  CHECK(on.ask<prefetch::ledger_entry>(on.who, why_atom_v, std::uint64_t{40}).error() == errc::not_found);
}

TEST_CASE("a prefetch is recorded when it ends, neighbours together, and demand is not") {
  images on;
  on.want({0, 4});
  on.move({8, 4});
  on.move({12, 2});
  on.move({40, 2});
  on.pass(30ms);
  for (const std::size_t which : {0, 1, 2})
    on.arrive(which);
  on.lose(3);
  CHECK(on.log->empty());
  on.pass(recorder::age_max);
  const auto told = last<record_batch>(on.log);
  CHECK(told.who->kind == element_kind::image_block);
  CHECK(told.who->space == on.image.value);
  REQUIRE(told.entries->size() == 2);
  const auto& done = told.entries->at(0);
  CHECK(done.op == operation::prefetch);
  CHECK(done.where == extent{8, 6});
  CHECK(done.bytes == 6 * block_bytes);
  CHECK(done.latency == 30ms);
  CHECK(done.how == outcome::none);
  CHECK(told.entries->at(1).where == extent{40, 2});
  CHECK(told.entries->at(1).how == outcome::failed);
}

TEST_CASE("what a read finds here is a hit though it waits for the rest, unless all came on the way") {
  images on;
  on.move({8, 2});
  on.arrive(0);
  const auto answer = on.want({8, 4});
  CHECK(on.figures().prefetched.hit == 2);
  on.arrive(1);
  CHECK((*answer)->how == outcome::miss);
  on.move({20, 2});
  on.arrive(2);
  CHECK((*on.want({20, 2}))->how == outcome::late);
  CHECK(on.figures().prefetched.hit == 2);
  CHECK(on.figures().prefetched.late == 2);
}

TEST_CASE("a read that is refused is not the first use of what it found") {
  images on{{.fetches = {.waiters_max = 1}}};
  on.move({8, 2});
  on.arrive(0);
  on.want({0, 1});
  CHECK((*on.want({8, 4}))->bytes.error() == errc::overloaded);
  CHECK(on.plane->map.at(8).fresh());
}

TEST_CASE("a prefetched block that left every tier unread is waste, and its mark goes") {
  images on;
  on.move({8, 2});
  on.arrive(0);
  on.tell(on.who, evicted{{8}});
  CHECK(on.figures().prefetched.waste == 1);
  CHECK_FALSE(on.plane->map.at(8).fresh());
  CHECK(on.plane->map.at(9).fresh());
  on.pass(1s);
  CHECK(last<settled>(on.prefetcher).fared.wasted_blocks == 1);
  on.pass(1s);
  CHECK(last<settled>(on.prefetcher).fared.wasted_blocks == 0);
}

TEST_CASE(
    "a prefetched block that is overwritten before it is read is waste, if no other volume can read it") {
  images on;
  on.move({8, 6});
  on.arrive(0);
  const auto overwrite = [&](volume_id by, extent where, std::uint32_t bytes) {
    auto batch = std::make_shared<access_batch>();
    batch->volume = by;
    batch->entries.push_back({.where = where, .bytes = bytes, .op = operation::write});
    on.tell(on.who, observed{batch});
  };
  overwrite({1}, {8, 1}, block_bytes);
  CHECK(on.figures().prefetched.waste == 1);
  // One block is written whole, both its neighbours in part.
  overwrite({1}, {9, 3}, 2 * block_bytes);
  CHECK(on.figures().prefetched.waste == 2);
  CHECK(on.plane->map.at(9).fresh());
  CHECK_FALSE(on.plane->map.at(10).fresh());
  CHECK(on.plane->map.at(11).fresh());
  overwrite({2}, {12, 1}, block_bytes);
  CHECK(on.figures().prefetched.waste == 2);
  CHECK(on.plane->map.at(12).fresh());
}

TEST_CASE("a prefetched block that nobody reads within the horizon is waste") {
  images on{{.waste_horizon = 3s}};
  on.move({8, 2});
  on.arrive(0);
  on.pass(1s);
  on.hit({8, 1});
  on.pass(1s);
  CHECK(on.figures().prefetched.waste == 0);
  on.pass(1s);
  CHECK(on.figures().prefetched.waste == 1);
  CHECK(on.figures().prefetched.hit == 1);
  CHECK_FALSE(on.plane->map.at(9).fresh());
}

TEST_CASE("a prefetch that fails is asked for again as demand when a read waits for it") {
  images on;
  on.move({8, 4});
  const auto answer = on.want({9, 1});
  on.lose(0);
  CHECK_FALSE(answer->has_value());
  REQUIRE(on.source->reads.size() == 2);
  CHECK(on.source->reads[1].how == origin::priority::demand);
  CHECK(on.in_flight(9));
  CHECK(last<plan_done>(on.prefetcher).bytes == 0);
  on.arrive(1);
  REQUIRE(answer->has_value());
  CHECK((*answer)->bytes.value() == on.bytes_of({9, 1}));
  CHECK(on.figures().origin_errors == 1);
  CHECK(on.figures().prefetched.pending == 0);
}

TEST_CASE("a prefetch that fails for nobody is forgotten, and its blocks may be asked for again") {
  images on;
  on.move({8, 4});
  on.lose(0);
  CHECK(on.source->reads.size() == 1);
  CHECK_FALSE(on.in_flight(8));
  CHECK(on.figures().prefetched.prefetched == 0);
  on.move({8, 4});
  CHECK(on.source->reads.size() == 2);
}

TEST_CASE("a plan for what is here or on its way is reported done and moves nothing") {
  images on;
  on.want({0, 4});
  on.move({0, 4});
  CHECK(on.source->reads.size() == 1);
  CHECK(last<plan_done>(on.prefetcher).bytes == 0);
  on.arrive(0);
  on.move({0, 4});
  CHECK(on.source->reads.size() == 1);
  CHECK(all<plan_done>(on.prefetcher).size() == 2);
  CHECK(on.figures().prefetched.prefetched == 0);
}

TEST_CASE("a read fails with the origin's error, and the next one tries again") {
  images on;
  const auto answer = on.want({0, 1});
  on.lose(0, errc::timed_out);
  REQUIRE(answer->has_value());
  CHECK((*answer)->bytes.error() == errc::timed_out);
  CHECK((*answer)->how == outcome::failed);
  CHECK_FALSE(on.in_flight(0));
  CHECK_FALSE(last<demand_done>(on.prefetcher).ok);
  on.want({0, 1});
  CHECK(on.source->reads.size() == 2);
}

TEST_CASE("one failed piece fails the whole read, once") {
  images on;
  const auto answer = on.want({0, 4}, {0, 3});
  on.lose(0);
  REQUIRE(answer->has_value());
  CHECK_FALSE((*answer)->bytes.has_value());
  answer->reset();
  on.arrive(1);
  CHECK_FALSE(answer->has_value());
  CHECK(on.plane->local(3));
  CHECK(on.figures().waiting == 0);
}

TEST_CASE("an image's short last block is asked for as it is and filled up with zeroes") {
  constexpr std::uint64_t size = 9 * block_bytes + 100;
  images on{{}, size};
  const auto answer = on.want({8, 2});
  REQUIRE(on.source->reads.size() == 1);
  CHECK(on.source->reads[0].length == block_bytes + 100);
  on.arrive(0);
  REQUIRE(answer->has_value());
  CHECK((*answer)->bytes.value() == on.bytes_of({8, 2}));
  std::array<std::byte, block_bytes> block;
  REQUIRE(on.plane->copy(9, block));
  CHECK(block[99] == image_byte(9 * block_bytes + 99));
  CHECK(block[100] == std::byte{0});
}

TEST_CASE("what finds no room in memory is kept on disk at once") {
  images on{{}, 64 * block_bytes, 2};
  on.want({0, 4});
  on.arrive(0);
  std::array<std::byte, block_bytes> block;
  for (std::uint64_t i = 0; i < 4; ++i)
    CHECK(on.plane->copy(i, block));
}

TEST_CASE("what arrived is kept on disk, so that leaving memory does not lose it") {
  images on;
  on.want({0, 2});
  on.arrive(0);
  on.finish_work();
  CHECK(on.plane->disk->present(0));
  CHECK(on.plane->disk->present(1));
}

TEST_CASE("a read past the bound is refused and those that wait are not hurt") {
  images on{{.fetches = {.waiters_max = 1}}};
  const auto first = on.want({0, 1});
  const auto second = on.want({1, 1});
  REQUIRE(second->has_value());
  CHECK((*second)->bytes.error() == errc::overloaded);
  CHECK_FALSE(on.in_flight(1));
  on.arrive(0);
  CHECK((*first)->bytes.has_value());
}

TEST_CASE("an image's actor that ends fails those who wait, and the next one starts afresh") {
  images on;
  const auto answer = on.want({0, 2});
  on.move({8, 2});
  caf::anon_send_exit(on.who, caf::exit_reason::kill);
  on.scheduler.run();
  REQUIRE(answer->has_value());
  CHECK((*answer)->bytes.error() == errc::unavailable);
  CHECK(on.in_flight(0));
  const auto forgotten = all<fetches_forgotten>(on.prefetcher).size();

  on.begin();
  CHECK_FALSE(on.in_flight(0));
  CHECK_FALSE(on.in_flight(9));
  CHECK(all<fetches_forgotten>(on.prefetcher).size() == forgotten + 1);
  on.arrive(0); // For the one that is gone.
  CHECK_FALSE(on.plane->local(0));
  const auto again = on.want({0, 2});
  REQUIRE(on.source->reads.size() == 3);
  on.arrive(2);
  CHECK((*again)->bytes.value() == on.bytes_of({0, 2}));
}
