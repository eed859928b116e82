#include "runtime/base/sha256_pair.hpp"
#include <doctest/doctest.h>
#include <random>
#include <string>
#include <vector>

using namespace forerun;

TEST_CASE("a named element has the same number on every machine, below 2^62") {
  CHECK(element_of("") == 0x2d06800538d394c2u >> 2);
  CHECK(element_of("user:1") == element_of("user:1"));
  CHECK(element_of("user:1") != element_of("user:2"));
  for (int i = 0; i < 1000; ++i)
    CHECK(element_of(std::to_string(i)) < (std::uint64_t{1} << 62));
}

TEST_CASE("two messages hashed at once have the hashes that each has alone") {
  std::vector<std::byte> bytes(5000);
  std::mt19937 random{7};
  for (auto& byte : bytes)
    byte = static_cast<std::byte>(random());
  const auto check = [&](std::size_t a_at, std::size_t a_size, std::size_t b_at, std::size_t b_size) {
    const auto a = std::span{bytes}.subspan(a_at, a_size), b = std::span{bytes}.subspan(b_at, b_size);
    CHECK(sha256_pair(a, b) == std::pair{sha256(a), sha256(b)});
  };
  for (std::size_t size = 0; size < 260; ++size)
    check(0, size, 1, 260 - size);
  for (int i = 0; i < 200; ++i)
    check(random() % 1000, random() % 4000, random() % 1000, random() % 4000);
  CHECK(sha256_pair({}, {}) == std::pair{sha256({}), sha256({})});
}
