#include "runtime/prefetch/fetch_table.hpp"
#include <doctest/doctest.h>
#include <set>

using namespace forerun;
using namespace forerun::prefetch;

namespace {

/// Everything is absent but what was put here.
class local_blocks final : public residency {
public:
  bool absent(std::uint64_t block) const override { return !here.contains(block); }
  std::uint64_t blocks() const override { return 1u << 20; }
  std::set<std::uint64_t> here;
};

plan plan_of(extent where) {
  return {where, {.by = expert::history, .probability = 0.9f}};
}

} // namespace

TEST_CASE("a demand asks for the absent blocks of its extent and for no others") {
  fetch_table table{{}};
  local_blocks local;
  local.here = {2};
  const auto wanted = table.want({1}, {0, 5}, local).value();
  CHECK(wanted.missing == 4);
  CHECK(wanted.how == outcome::miss);
  REQUIRE(wanted.orders.size() == 2);
  CHECK(wanted.orders[0].where == extent{0, 2});
  CHECK(wanted.orders[1].where == extent{3, 2});
  CHECK(wanted.orders[0].demand);
}

TEST_CASE("a demand for what is all local waits for nothing") {
  fetch_table table{{}};
  local_blocks local;
  local.here = {7};
  CHECK(table.want({1}, {7, 1}, local).value().missing == 0);
  CHECK(table.waiters() == 0);
}

TEST_CASE("no block is fetched twice at once, whoever asks") {
  fetch_table table{{}};
  const local_blocks local;
  const plan plans[]{plan_of({10, 4})};
  const auto admitted = table.admit(plans, local);
  REQUIRE(admitted.orders.size() == 1);
  CHECK(table.admit(plans, local).orders.empty());

  const auto wanted = table.want({1}, {12, 4}, local).value();
  REQUIRE(wanted.orders.size() == 1);
  CHECK(wanted.orders[0].where == extent{14, 2});
  CHECK(wanted.late == std::vector<extent>{{12, 2}});
  CHECK(wanted.how == outcome::miss);
  CHECK(table.want({2}, {10, 8}, local).value().orders.size() == 1);
}

TEST_CASE("a read that joins a prefetch is late, and done when its last block is here") {
  fetch_table table{{}};
  const local_blocks local;
  const plan plans[]{plan_of({0, 2}), plan_of({2, 2})};
  const auto orders = table.admit(plans, local).orders;
  REQUIRE(orders.size() == 2);
  CHECK(table.want({9}, {1, 2}, local).value().how == outcome::late);

  const auto first = table.arrived(orders[0].id).value();
  REQUIRE(first.waiters.size() == 1);
  CHECK_FALSE(first.waiters[0].complete);
  CHECK(first.read_already == std::vector<bool>{false, true});
  const auto second = table.arrived(orders[1].id).value();
  CHECK(second.waiters[0].complete);
  CHECK(table.waiters() == 0);
  CHECK(table.fetches() == 0);
}

TEST_CASE("a failed prefetch that somebody waits for is asked for again, as demand") {
  fetch_table table{{}};
  const local_blocks local;
  const plan plans[]{plan_of({0, 4})};
  const auto id = table.admit(plans, local).orders[0].id;
  (void)table.want({1}, {1, 1}, local);
  const auto failure = table.failed(id).value();
  CHECK(failure.failed.empty());
  REQUIRE(failure.again.size() == 1);
  CHECK(failure.again[0].demand);
  const auto arrival = table.arrived(failure.again[0].id).value();
  REQUIRE(arrival.waiters.size() == 1);
  CHECK(arrival.waiters[0].complete);
}

TEST_CASE("a failed prefetch that nobody waits for is forgotten") {
  fetch_table table{{}};
  const local_blocks local;
  const plan plans[]{plan_of({0, 4})};
  const auto id = table.admit(plans, local).orders[0].id;
  CHECK(table.failed(id).value().again.empty());
  CHECK_FALSE(table.contains(0));
  CHECK(table.failed(id).error() == errc::not_found);
}

TEST_CASE("who lost one of two demand fetches fails once, and the other fetch finds nobody") {
  fetch_table table{{}};
  local_blocks local;
  local.here = {1};
  const auto orders = table.want({1}, {0, 3}, local).value().orders;
  REQUIRE(orders.size() == 2);
  CHECK(table.failed(orders[0].id).value().failed == std::vector<waiter_id>{{1}});
  CHECK(table.arrived(orders[1].id).value().waiters.empty());
}

TEST_CASE("a full table refuses a demand and keeps what it has") {
  fetch_table table{{.waiters_max = 1}};
  const local_blocks local;
  CHECK(table.want({1}, {0, 1}, local).value().orders.size() == 1);
  CHECK(table.want({2}, {5, 1}, local).error() == errc::overloaded);
  CHECK_FALSE(table.contains(5));
  CHECK(table.contains(0));
}

TEST_CASE("a large demand is cut into fetches of bounded size") {
  fetch_table table{{.order_blocks_max = 4}};
  const local_blocks local;
  const auto orders = table.want({1}, {0, 10}, local).value().orders;
  REQUIRE(orders.size() == 3);
  CHECK(orders[2].where == extent{8, 2});
}
