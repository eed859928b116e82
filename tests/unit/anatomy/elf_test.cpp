#include "runtime/anatomy/elf.hpp"
#include "tests/unit/anatomy/made_elf.hpp"
#include "tests/unit/anatomy/made_image.hpp"
#include <doctest/doctest.h>
#include <random>

using namespace forerun;
using namespace forerun::anatomy;

namespace {

result<elf_facts> facts_of(const std::string& bytes) {
  made_image made;
  made.file("it", bytes);
  auto image = made.make("-t ext4 -b 4096");
  const auto map = map_files(image, {});
  REQUIRE(map);
  return read_elf(map.value(), image, map.value().find(map.value().roots()[0], "it").value());
}

} // namespace

TEST_CASE(
    "a program tells its interpreter, its libraries and where they are, though its sections are far away") {
  const auto bytes = made_elf("/lib64/ld.so", {"libone.so.1", "libtwo.so"}, "$ORIGIN/../lib:/opt/lib");
  // What is behind the loaded part is debug data.
  const auto facts = facts_of(bytes + std::string(50'000, 'd'));
  REQUIRE(facts);
  CHECK(facts.value().interpreter == "/lib64/ld.so");
  CHECK(facts.value().needed == std::vector<std::string>{"libone.so.1", "libtwo.so"});
  CHECK(facts.value().search == std::vector<std::string>{"$ORIGIN/../lib", "/opt/lib"});
  CHECK(facts.value().loaded_bytes == bytes.size());
  CHECK(facts.value().machine == EM_X86_64);
  CHECK(facts.value().wide);
}

TEST_CASE("what is no program is unsupported") {
  CHECK(facts_of("").error() == errc::unsupported);
  CHECK(facts_of("#!/bin/sh\necho").error() == errc::unsupported);
  CHECK(facts_of("\x7f"
                 "ELF")
            .error() == errc::unsupported);
}

TEST_CASE("a program that ends early or lies about itself never makes the reading fail otherwise") {
  const auto whole = made_elf("/lib64/ld.so", {"libone.so.1", "libtwo.so"}, "/opt/lib");
  made_image made;
  made.file("it", whole);
  const auto image = made.make("-t ext4 -b 4096");
  auto copy = image;
  const auto map = map_files(copy, {});
  REQUIRE(map);
  const auto file = map.value().find(map.value().roots()[0], "it").value();
  const auto at = map.value().content(file).at(0).offset;
  std::mt19937 dice(3);
  unsigned corrupt = 0;
  for (int round = 0; round < 3000; ++round) {
    copy = image;
    for (int wound = 0; wound < 4; ++wound)
      copy.content[at + dice() % (wound == 0 ? 64 : 232)] = static_cast<char>(dice());
    const auto facts = read_elf(map.value(), copy, file);
    if (!facts)
      CHECK((facts.error() == errc::corrupt || facts.error() == errc::unsupported));
    else
      CHECK(facts.value().loaded_bytes <= whole.size());
    corrupt += !facts && facts.error() == errc::corrupt;
  }
  CHECK(corrupt > 10);
}
