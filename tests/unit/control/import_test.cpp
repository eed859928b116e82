#include "runtime/control/client.hpp"
#include "tests/unit/control/fake_node.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::control;

namespace {

import_batch sample() {
  import_batch batch;
  batch.run = 7;
  batch.ends = true;
  batch.contexts = {{"import:a", "prog", "carol", element_kind::key, 0},
                    {"import:disk", "", "", element_kind::block, import_space_bit | 5}};
  forerun::access touch{.at = {1'000'000},
                        .latency = std::chrono::microseconds{12},
                        .where = {99, 1},
                        .bytes = 10,
                        .op = operation::write,
                        .how = outcome::failed};
  batch.entries = {touch, touch};
  batch.entries[1].written.fill(3);
  batch.context_of = {0, 1};
  batch.values = {std::string("a\0b", 3), ""};
  return batch;
}

struct told {
  served_node served;
  client tool = std::get<0>(client::connect(served.socket()));
  /// `errc{}` if it was taken.
  errc code(const import_batch& batch) {
    const auto answer = tool.import_records(batch);
    return answer.index() == 0 ? errc{} : std::get<1>(answer).code;
  }
};

} // namespace

TEST_CASE("a batch of a recording arrives as it was made") {
  told node;
  CHECK(node.code(sample()) == errc{});
  REQUIRE(node.served.node.imported.size() == 1);
  CHECK(node.served.node.imported.front() == sample());
  const auto answer = node.tool.import_records(sample());
  CHECK(std::get<0>(answer) == import_done{.run = 77, .records = 2});
}

TEST_CASE("a batch that breaks a rule never reaches the node") {
  told node;
  const auto refused = [&](auto change) {
    auto batch = sample();
    change(batch);
    return node.code(batch) == errc::invalid_argument;
  };
  CHECK(refused([](auto& it) { it.context_of[1] = 2; }));
  CHECK(refused([](auto& it) { it.contexts[0].user = "\x1b[2J"; }));
  CHECK(refused([](auto& it) { it.contexts[0].program = std::string(256, 'x'); }));
  CHECK(refused([](auto& it) { it.contexts[0].kind = static_cast<element_kind>(200); }));
  CHECK(refused([](auto& it) { it.contexts[1].space = 5; }));
  CHECK(refused([](auto& it) { it.volume = "debian"; }));
  CHECK(refused([](auto& it) { it.volume = "../debian"; }));
  CHECK(refused([](auto& it) { it.entries[0].op = operation::evict; }));
  CHECK(refused([](auto& it) { it.entries[0].op = static_cast<operation>(99); }));
  CHECK(refused([](auto& it) { it.entries[0].where.first = import_element_max; }));
  CHECK(refused([](auto& it) { it.entries[0].where = {import_element_max - 1, 2}; }));
  CHECK(refused([](auto& it) { it.entries[0].at.ns = INT64_MAX; }));
  CHECK(refused([](auto& it) { it.values[0] = std::string(129, 'x'); }));
  CHECK(refused([](auto& it) { it.contexts.resize(import_contexts_max + 1, it.contexts[0]); }));
  CHECK(node.served.node.imported.empty());
}

TEST_CASE("a batch for a volume holds its blocks only, whatever space they say") {
  told node;
  auto batch = sample();
  batch.volume = "debian";
  batch.contexts[0] = {"import:debian", "", "", element_kind::block, 5};
  CHECK(node.code(batch) == errc{});
}
