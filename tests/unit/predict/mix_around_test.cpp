#include "runtime/predict/mix_around.hpp"
#include "tests/unit/predict/notes.hpp"

using namespace forerun::predict;

namespace {

notes around(const mix_request& request, std::uint32_t run = 1, std::set<std::uint64_t> before = {}) {
  notes said(mix_expert::around);
  said.before = std::move(before);
  propose_around(request, run, said);
  return said;
}

} // namespace

TEST_CASE("what lies behind a request and what lies before it is proposed, nearest first") {
  const auto said = around({1000, 4, true});
  CHECK(said.order.front() == 1004);
  CHECK(said.made.contains(999));
  CHECK_FALSE(said.made.contains(1003));
  CHECK(said.made.at(1004).ahead < said.made.at(1010).ahead);
  CHECK(said.made.at(1004).context != said.made.at(999).context);
}

TEST_CASE("at the beginning of an image nothing lies before it") {
  const auto said = around({2, 1, true});
  CHECK(said.made.contains(0));
  CHECK(said.made.rbegin()->first < 64);
  CHECK(around({0, 1, true}).made.begin()->first == 1);
}

TEST_CASE("where much was read before, in a longer stream, or in another line, is another case") {
  const auto plain = around({1000, 1, true}).made.at(1001).context;
  std::set<std::uint64_t> read;
  for (std::uint64_t block = 968; block < 1000; ++block)
    read.insert(block);
  CHECK(around({1000, 1, true}, 1, read).made.at(1001).context != plain);
  CHECK(around({1000, 1, true}, 9).made.at(1001).context != plain);
  CHECK(around({1000, 1, true}, 1, {1001}).made.at(1001).context != plain);
  CHECK(around({1007, 1, true}).made.at(1008).context != around({1005, 1, true}).made.at(1006).context);
}

TEST_CASE("what is hopeless is not proposed") {
  notes said(mix_expert::around);
  said.quality = 0.1f;
  propose_around({1000, 4, true}, 1, said);
  CHECK(said.made.empty());
}
