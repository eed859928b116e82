#include "runtime/predict/mix.hpp"
#include "tests/unit/predict/notes.hpp"

using namespace forerun;
using namespace forerun::predict;

namespace {

struct past {
  replay_log log{4096};
  void read(std::initializer_list<std::uint64_t> keys) {
    for (const auto key : keys)
      log.append(key, 1);
  }
  /// Requests for keys that are asked for once.
  void others(std::size_t count) {
    for (std::size_t at = 0; at < count; ++at)
      log.append(1'000'000 + log.end(), 1);
  }
};

notes ask(const past& before, std::uint64_t key, float quality = 1) {
  notes said(mix_expert::votes);
  said.quality = quality;
  votes_expert it;
  it.observe({key, 1, true}, before.log, said);
  return said;
}

} // namespace

TEST_CASE("what followed an element within six requests is proposed, in whatever order it came") {
  past before;
  before.read({1, 2, 3});
  before.others(10);
  before.read({1, 3, 2});
  before.others(10);
  const auto said = ask(before, 1);
  REQUIRE(said.made.size() == 2 + 4 + 4);
  CHECK(said.made.contains(2));
  CHECK(said.made.contains(3));
  CHECK(said.made.at(2).ahead == 1);
  CHECK(std::set(said.order.begin(), said.order.begin() + 2) == std::set<std::uint64_t>{2, 3});
}

TEST_CASE("the more places vote for an element, the earlier and in another context it is proposed") {
  past before;
  for (int time = 0; time < 3; ++time) {
    before.others(8);
    before.read({1, static_cast<std::uint64_t>(100 + time), 7});
  }
  before.others(8);
  const auto said = ask(before, 1);
  CHECK(said.order.front() == 7);
  CHECK(said.made.at(7).context != said.made.at(100).context);
  CHECK(said.made.at(102).context != said.made.at(100).context); // The latest place is for it.
}

TEST_CASE("an element that came twice after one place has one vote of it") {
  past once, twice;
  once.read({1, 2, 3});
  twice.read({1, 2, 2});
  once.others(8);
  twice.others(8);
  CHECK(ask(once, 1).made.at(2).context == ask(twice, 1).made.at(2).context);
}

TEST_CASE("a place whose window is not over has no vote yet") {
  past before;
  before.read({1});
  before.others(5);
  CHECK(ask(before, 1).made.empty());
  before.others(1);
  CHECK(ask(before, 1).made.size() == 6);
}

TEST_CASE("only the last four places vote") {
  past before;
  before.read({1, 5});
  before.others(8);
  for (int time = 0; time < 4; ++time) {
    before.read({1, 6});
    before.others(8);
  }
  const auto said = ask(before, 1);
  CHECK(said.made.contains(6));
  CHECK_FALSE(said.made.contains(5));
}

TEST_CASE("an element that was never asked for, and one whose contexts are hopeless, propose nothing") {
  past before;
  before.read({1, 2});
  before.others(8);
  CHECK(ask(before, 9).made.empty());
  CHECK(ask(before, 1, 0.1f).made.empty());
}

namespace {

/// A cache for `room` keys: what came in first leaves first.
struct store final : residency {
  explicit store(element_kind kind) : experts({.elements = kind, .cache_blocks = room}) {}
  static constexpr std::size_t room = 64;
  mix experts;
  std::vector<std::uint64_t> held;
  std::uint64_t misses = 0, requests = 0;

  bool absent(std::uint64_t key) const override { return std::ranges::find(held, key) == held.end(); }
  std::uint64_t blocks() const override { return 1u << 20; }
  void admit(std::uint64_t key) {
    held.push_back(key);
    if (held.size() > room)
      held.erase(held.begin());
  }
  void get(std::uint64_t key) {
    forerun::access seen;
    seen.where = {key, 1};
    seen.arrived = instant{std::chrono::seconds{++requests}};
    seen.how = absent(key) ? outcome::miss : outcome::hit;
    misses += seen.how == outcome::miss;
    mix_output out;
    experts.observe(seen, true, *this, {}, out);
    if (seen.how == outcome::miss)
      admit(key);
    for (const auto& one : out.fetch)
      for (auto wanted = one.where.first; wanted < one.where.end(); ++wanted)
        if (absent(wanted))
          admit(wanted);
  }
};

/// Groups of four keys that are asked for together, each time in another order.
std::uint64_t misses_of_groups(element_kind kind) {
  store one(kind);
  std::uint64_t seed = 11;
  const auto next = [&seed] { return (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33; };
  for (int at = 0; at < 6000; ++at) {
    const auto group = next() % 200;
    std::array<std::uint64_t, 4> keys{};
    for (std::uint64_t key = 0; key < 4; ++key)
      keys[key] = (group + key * 200) * 7919 % (1u << 20);
    for (std::size_t key = 3; key > 0; --key)
      std::swap(keys[key], keys[next() % (key + 1)]);
    for (const auto key : keys)
      one.get(key);
  }
  return one.misses;
}

} // namespace

TEST_CASE("keys that come together are found in any order, which blocks are not asked for") {
  const auto keys = misses_of_groups(element_kind::key);
  const auto blocks = misses_of_groups(element_kind::image_block);
  MESSAGE("misses of keys " << keys << ", of blocks " << blocks);
  CHECK(keys * 4 < blocks * 3);
}

TEST_CASE("what was learned of keys is no model of blocks") {
  store keys(element_kind::key);
  store blocks(element_kind::image_block);
  const auto saved = keys.experts.save();
  CHECK(blocks.experts.load(saved).error() == errc::corrupt);
  CHECK(keys.experts.load(saved));
}
