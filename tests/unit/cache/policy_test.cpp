#include "runtime/cache/policy.hpp"
#include <algorithm>
#include <deque>
#include <doctest/doctest.h>
#include <map>
#include <random>
#include <string>

using namespace forerun;
using namespace forerun::cache;
using namespace std::chrono_literals;

namespace {

constexpr instant start{std::chrono::hours{1}};
constexpr policy_kind kinds[] = {policy_kind::s3_fifo, policy_kind::lru, policy_kind::lfu, policy_kind::arc};

cache_key key(std::uint64_t block) {
  return cache_key::of(1, block);
}

/// A tier of so many blocks. Reads come as a string of one-letter blocks; answers which were evicted, in
/// order.
struct tier {
  tier(policy_kind kind, std::size_t size) : capacity(size), keep(make_policy(kind, size)) {}

  bool read(std::uint64_t block) {
    if (keep->contains(key(block))) {
      keep->touched(key(block));
      return true;
    }
    bring(block, admit_kind::demand);
    return false;
  }
  void bring(std::uint64_t block, admit_kind how) {
    if (keep->size() == capacity)
      evicted.push_back(static_cast<char>(keep->victim(start)->block()));
    keep->admit(key(block), how);
  }
  std::string reads(std::string_view letters) {
    evicted.clear();
    for (char letter : letters)
      read(static_cast<std::uint64_t>(letter));
    return evicted;
  }

  std::size_t capacity;
  std::unique_ptr<policy> keep;
  std::string evicted;
};

} // namespace

TEST_CASE("a cache key keeps owner and block apart") {
  const auto one = cache_key::of(0xabcdef, 0xff'ffff'ffff);
  CHECK(one.owner() == 0xabcdef);
  CHECK(one.block() == 0xff'ffff'ffff);
  CHECK_FALSE(cache_key::of(1, 0) == cache_key::of(0, 1));
}

TEST_CASE("policies are found by name, and only by their names") {
  for (auto kind : kinds)
    CHECK(policy_named(to_string(kind)).value() == kind);
  CHECK(policy_named("clock").error() == errc::invalid_argument);
}

TEST_CASE("least recently used goes first") {
  tier tier{policy_kind::lru, 3};
  CHECK(tier.reads("abcad") == "b");
  CHECK(tier.reads("aceb") == "da"); // a and c are read again, so d is the oldest, then a.
}

TEST_CASE("least frequently used goes first, of equals the least recently used") {
  tier tier{policy_kind::lfu, 3};
  CHECK(tier.reads("aabbcd") == "c");
  CHECK(tier.reads("ddde") == "a"); // a 2 and b 2, d 4
  CHECK(tier.reads("f") == "e");
}

TEST_CASE("S3-FIFO: once read leaves, twice read again moves on, a return from the ghosts goes to main") {
  tier tier{policy_kind::s3_fifo, 3};
  // a is read three times (freq 2), b and c once: a moves to main, b leaves to the ghosts.
  CHECK(tier.reads("aaabcd") == "b");
  // b comes back into main; small holds c and d, so c makes room. Then d, then e, for two passers-by.
  CHECK(tier.reads("b") == "c");
  CHECK(tier.reads("ef") == "de");
  CHECK(tier.keep->contains(key('a')));
  CHECK(tier.keep->contains(key('b')));
}

TEST_CASE("S3-FIFO behaves as its definition on random reads") {
  struct model {
    std::size_t capacity;
    std::deque<std::uint64_t> small{}, main{}, ghosts{};
    std::map<std::uint64_t, int> freq{};

    std::uint64_t victim() {
      if (small.size() >= std::max<std::size_t>(capacity / 10, 1) || main.empty())
        while (!small.empty()) {
          const auto one = small.front();
          small.pop_front();
          if (freq[one] <= 1) {
            freq.erase(one);
            ghosts.push_back(one);
            if (ghosts.size() > capacity)
              ghosts.pop_front();
            return one;
          }
          freq[one] = 0;
          main.push_back(one);
        }
      for (;;) {
        const auto one = main.front();
        main.pop_front();
        if (freq[one]-- == 0) {
          freq.erase(one);
          return one;
        }
        main.push_back(one);
      }
    }
    void admit(std::uint64_t one) {
      freq[one] = 0;
      const auto ghost = std::find(ghosts.begin(), ghosts.end(), one);
      (ghost == ghosts.end() ? small : main).push_back(one);
      if (ghost != ghosts.end())
        *ghost = ~std::uint64_t{0}; // Its place in the order stays taken.
    }
  };
  std::mt19937_64 random{7};
  for (std::size_t capacity : {1u, 2u, 7u, 20u}) {
    CAPTURE(capacity);
    model expected{capacity};
    const auto real = make_policy(policy_kind::s3_fifo, capacity);
    for (int i = 0; i < 5000; ++i) {
      const auto block = std::min(random() % (capacity * 3 + 1), random() % (capacity * 3 + 1));
      if (expected.freq.count(block) != 0) {
        expected.freq[block] = std::min(expected.freq[block] + 1, 3);
        real->touched(key(block));
        continue;
      }
      if (real->size() == capacity)
        REQUIRE(real->victim(start)->block() == expected.victim());
      expected.admit(block);
      real->admit(key(block), admit_kind::demand);
    }
  }
}

TEST_CASE("ARC behaves as its definition on random reads") {
  struct model {
    std::size_t c;
    std::deque<std::uint64_t> t1{}, t2{}, b1{}, b2{};
    double p = 0;

    static bool take(std::deque<std::uint64_t>& from, std::uint64_t one) {
      const auto at = std::find(from.begin(), from.end(), one);
      if (at == from.end())
        return false;
      from.erase(at);
      return true;
    }
    bool hit(std::uint64_t one) {
      if (!take(t1, one) && !take(t2, one))
        return false;
      t2.push_back(one);
      return true;
    }
    std::uint64_t victim() {
      const bool first = t2.empty() || (!t1.empty() && static_cast<double>(t1.size()) > p);
      auto& from = first ? t1 : t2;
      const auto one = from.front();
      from.pop_front();
      (first ? b1 : b2).push_back(one);
      while (!b1.empty() && t1.size() + b1.size() >= c)
        b1.pop_front();
      while (!b2.empty() && t1.size() + t2.size() + 1 + b1.size() + b2.size() > 2 * c)
        b2.pop_front();
      return one;
    }
    void admit(std::uint64_t one) {
      const auto s1 = static_cast<double>(b1.size()), s2 = static_cast<double>(b2.size());
      if (take(b1, one))
        p = std::min(p + std::max(1.0, s2 / s1), static_cast<double>(c));
      else if (take(b2, one))
        p = std::max(p - std::max(1.0, s1 / s2), 0.0);
      else
        return t1.push_back(one);
      t2.push_back(one);
    }
  };
  std::mt19937_64 random{11};
  for (std::size_t capacity : {1u, 2u, 7u, 20u}) {
    CAPTURE(capacity);
    model expected{capacity};
    const auto real = make_policy(policy_kind::arc, capacity);
    for (int i = 0; i < 5000; ++i) {
      const auto block = std::min(random() % (capacity * 3 + 1), random() % (capacity * 3 + 1));
      if (expected.hit(block)) {
        real->touched(key(block));
        continue;
      }
      if (real->size() == capacity)
        REQUIRE(real->victim(start)->block() == expected.victim());
      expected.admit(block);
      real->admit(key(block), admit_kind::demand);
    }
  }
}

TEST_CASE("a scan does not wipe the hot set out of S3-FIFO, LFU and ARC; out of LRU it does") {
  for (auto kind : kinds) {
    CAPTURE(to_string(kind));
    tier tier{kind, 100};
    for (int round = 0; round < 4; ++round)
      for (std::uint64_t block = 0; block < 50; ++block)
        tier.read(block);
    for (std::uint64_t block = 1000; block < 2000; ++block)
      tier.read(block);
    std::size_t kept = 0;
    for (std::uint64_t block = 0; block < 50; ++block)
      kept += tier.keep->contains(key(block));
    CHECK(kept == (kind == policy_kind::lru ? 0 : 50));
  }
}

TEST_CASE("S3-FIFO hits more than LRU on a skewed load with scans") {
  auto hits = [](policy_kind kind) {
    tier tier{kind, 200};
    std::mt19937_64 random{3};
    std::size_t count = 0;
    for (std::uint64_t i = 0; i < 40'000; ++i) {
      const bool scan = i / 500 % 4 == 3;
      const auto hot = random() % 1000 * (random() % 1000) / 1000;
      count += tier.read(scan ? 10'000 + i : hot);
    }
    return count;
  };
  CHECK(hits(policy_kind::s3_fifo) > hits(policy_kind::lru));
}

TEST_CASE("in S3-FIFO the first read of a prefetched block does not count as frequency") {
  tier tier{policy_kind::s3_fifo, 3};
  tier.bring('p', admit_kind::prefetch);
  // Read twice in all: had the first one counted, p would be at 2 and move to main.
  CHECK(tier.reads("ppabc") == "p");
}

TEST_CASE("an unread prefetched block is not remembered by S3-FIFO, a read one is") {
  for (bool read : {false, true}) {
    CAPTURE(read);
    tier tier{policy_kind::s3_fifo, 3};
    tier.bring('p', admit_kind::prefetch);
    if (read)
      tier.read('p');
    CHECK(tier.reads("abc") == "p");
    CHECK(tier.reads("p") == "a");
    // Where p went shows when three more come by: main keeps it, small does not.
    tier.reads("xyz");
    CHECK(tier.keep->contains(key('p')) == read);
  }
}

TEST_CASE("a block that was predicted again outlives its neighbours") {
  for (auto kind : kinds) {
    CAPTURE(to_string(kind));
    tier tier{kind, 3};
    tier.bring('p', admit_kind::prefetch);
    tier.bring('q', admit_kind::prefetch);
    tier.keep->protect(key('p'));
    tier.reads("ab");
    CHECK(tier.evicted == "q");
    CHECK(tier.keep->contains(key('p')));
  }
}

TEST_CASE("a protected block is no victim until it is read or overdue") {
  for (auto kind : kinds) {
    CAPTURE(to_string(kind));
    const auto keep = make_policy(kind, 10);
    keep->admit(key(1), admit_kind::prefetch);
    keep->admit(key(2), admit_kind::prefetch);
    keep->protect_until(key(1), start + 1s);
    keep->protect_until(key(2), start + 1s);
    keep->admit(key(3), admit_kind::demand);
    keep->admit(key(4), admit_kind::demand);
    CHECK(keep->protected_size() == 2);
    CHECK(keep->victim(start)->block() == 3);
    keep->touched(key(1));
    CHECK(keep->protected_size() == 1);
    // Block 2 is overdue: it goes before what was read.
    CHECK(keep->victim(start + 2s)->block() == 2);
    CHECK(keep->size() == 2);
  }
}

TEST_CASE("when everything is protected, what is protected for the shortest time goes") {
  for (auto kind : kinds) {
    CAPTURE(to_string(kind));
    const auto keep = make_policy(kind, 10);
    for (std::uint64_t block = 0; block < 4; ++block) {
      keep->admit(key(block), admit_kind::prefetch);
      keep->protect_until(key(block), start + std::chrono::seconds{10 - block});
    }
    for (std::uint64_t block : {3, 2, 1, 0})
      CHECK(keep->victim(start)->block() == block);
    CHECK_FALSE(keep->victim(start).has_value());
  }
}

TEST_CASE("protection holds at most half of the capacity") {
  for (auto kind : kinds) {
    CAPTURE(to_string(kind));
    const auto keep = make_policy(kind, 10);
    for (std::uint64_t block = 0; block < 8; ++block) {
      keep->admit(key(block), admit_kind::prefetch);
      keep->protect_until(key(block), start + 1s);
    }
    CHECK(keep->protected_size() == 5);
    CHECK(keep->size() == 8);
    keep->admit(key(20), admit_kind::demand);
    CHECK(keep->victim(start)->block() < 3);
  }
}

TEST_CASE("protection is for unread blocks only") {
  for (auto kind : kinds) {
    const auto keep = make_policy(kind, 10);
    keep->admit(key(1), admit_kind::demand);
    keep->protect_until(key(1), start + 1s);
    CHECK(keep->protected_size() == 0);
    keep->admit(key(2), admit_kind::prefetch);
    keep->admit(key(2), admit_kind::prefetch);
    CHECK(keep->size() == 2);
  }
}

TEST_CASE("random calls never lose count of a key, and victims are resident keys") {
  for (auto kind : kinds) {
    CAPTURE(to_string(kind));
    std::mt19937_64 random{11};
    const auto keep = make_policy(kind, 50);
    std::map<std::uint64_t, bool> resident;
    for (int i = 0; i < 50'000; ++i) {
      const auto block = random() % 120;
      const auto now = start + std::chrono::milliseconds{i};
      switch (random() % 8) {
      case 0:
      case 1:
      case 2:
        if (!resident[block] && keep->size() == 50) {
          const auto gone = keep->victim(now);
          REQUIRE(gone.has_value());
          REQUIRE(resident[gone->block()]);
          resident[gone->block()] = false;
        }
        keep->admit(key(block), random() % 2 ? admit_kind::demand : admit_kind::prefetch);
        resident[block] = true;
        break;
      case 3:
        keep->protect_until(key(block), now + std::chrono::milliseconds{random() % 500});
        break;
      case 4:
        keep->protect(key(block));
        break;
      case 5:
        keep->removed(key(block));
        resident[block] = false;
        break;
      default:
        keep->touched(key(block));
      }
      REQUIRE(keep->contains(key(block)) == resident[block]);
      REQUIRE(keep->protected_size() <= 25);
    }
    std::size_t left = 0;
    while (keep->victim(start))
      ++left;
    std::size_t expected = 0;
    for (const auto& [block, here] : resident)
      expected += here;
    CHECK(left == expected);
  }
}

TEST_CASE("a policy for a huge tier costs memory as it fills, not before") {
  for (auto kind : kinds) {
    CAPTURE(to_string(kind));
    const auto keep = make_policy(kind, 26'000'000);
    CHECK(keep->memory_bytes() < 4096);
    const auto small = make_policy(kind, 100'000);
    for (std::uint64_t block = 0; block < 300'000; ++block) {
      if (small->size() == 100'000)
        small->victim(start);
      small->admit(key(block), admit_kind::demand);
    }
    CHECK(small->memory_bytes() < 100'000 * (kind == policy_kind::arc ? 60 : 48));
  }
}
