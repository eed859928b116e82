#include "runtime/prefetch/ledger.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::prefetch;
using namespace std::chrono_literals;

namespace {

const instant start{1h};
const reason why{.by = expert::history, .probability = 0.8f, .detail = 3, .planned = start};

void adds_up(const ledger& book) {
  const auto& totals = book.totals();
  CHECK(totals.hit + totals.late + totals.waste + totals.pending == totals.prefetched);
}

} // namespace

TEST_CASE("a prefetched block is pending, with its reason, until it is read") {
  ledger book{100, 600s};
  book.planned({5, 2}, why);
  CHECK(book.why(5)->state == settlement::pending);
  CHECK(book.why(5)->why == why);
  book.hit(5, start + 1s);
  CHECK(book.why(5)->state == settlement::hit);
  CHECK(book.why(5)->settled == start + 1s);
  CHECK(book.totals().pending == 1);
  adds_up(book);
}

TEST_CASE("only the first read of a block settles it") {
  ledger book{100, 600s};
  book.planned({5, 1}, why);
  CHECK(book.late(5, start + 1s) == why);
  CHECK_FALSE(book.hit(5, start + 2s).has_value());
  CHECK_FALSE(book.wasted(5, settlement::evicted, start + 3s));
  CHECK(book.why(5)->state == settlement::late);
  CHECK(book.totals().late == 1);
  CHECK(book.totals().hit == 0);
  adds_up(book);
}

TEST_CASE("a block that nobody reads within the horizon is waste") {
  ledger book{100, 600s};
  book.planned({5, 3}, why);
  book.hit(6, start + 1s);
  CHECK(book.expire(start + 599s).empty());
  CHECK(book.expire(start + 600s) == std::vector<std::uint64_t>{5, 7});
  CHECK(book.totals().waste == 2);
  CHECK(book.why(7)->state == settlement::overdue);
  adds_up(book);
}

TEST_CASE("a block that is moved twice counts twice, and its unread first copy is waste") {
  ledger book{100, 600s};
  book.planned({5, 1}, why);
  book.planned({5, 1}, why);
  book.hit(5, start);
  CHECK(book.totals().prefetched == 2);
  CHECK(book.totals().waste == 1);
  adds_up(book);
  CHECK(book.expire(start + 700s).empty());
}

TEST_CASE("what never arrived was never moved") {
  ledger book{100, 600s};
  book.planned({5, 2}, why);
  book.failed({5, 2}, start);
  CHECK(book.totals().prefetched == 0);
  CHECK(book.totals().pending == 0);
  adds_up(book);
}

TEST_CASE("a full ledger forgets its oldest block, and counts it as waste if nobody read it") {
  ledger book{2, 600s};
  book.planned({1, 1}, why);
  book.planned({2, 2}, why);
  CHECK_FALSE(book.why(1).has_value());
  CHECK(book.why(3).has_value());
  CHECK(book.totals().waste == 1);
  CHECK(book.expire(start + 600s) == std::vector<std::uint64_t>{2, 3});
  adds_up(book);
}
