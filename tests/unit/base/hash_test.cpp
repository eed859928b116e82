#include "runtime/base/hash.hpp"
#include <doctest/doctest.h>
#include <string>

using namespace forerun;

TEST_CASE("a named element has the same number on every machine, below 2^62") {
  CHECK(element_of("") == 0x2d06800538d394c2u >> 2);
  CHECK(element_of("user:1") == element_of("user:1"));
  CHECK(element_of("user:1") != element_of("user:2"));
  for (int i = 0; i < 1000; ++i)
    CHECK(element_of(std::to_string(i)) < (std::uint64_t{1} << 62));
}
