#include "runtime/base/ed25519.hpp"
#include <array>
#include <cctype>
#include <doctest/doctest.h>
#include <string>

using namespace forerun;

namespace {

// RFC 8032, section 7.1, test 2.
constexpr ed25519_seed secret{0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3,
                              0x46, 0xec, 0x11, 0x4e, 0x0f, 0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab,
                              0xa6, 0x24, 0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb};
constexpr auto public_text = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
constexpr std::array message{std::byte{0x72}};

} // namespace

TEST_CASE("the key and the signature are those of the RFC, and only of the message that was signed") {
  const auto key = ed25519_public(secret).value();
  CHECK(parse_ed25519_key(public_text) == key);
  auto signature = ed25519_sign(secret, message).value();
  CHECK(signature.front() == 0x92);
  CHECK(signature.back() == 0x00);
  CHECK(ed25519_holds(key, message, signature));
  CHECK_FALSE(ed25519_holds(key, std::array{std::byte{0x73}}, signature));
  CHECK_FALSE(ed25519_holds(ed25519_public({7}).value(), message, signature));
  signature[40] ^= 1;
  CHECK_FALSE(ed25519_holds(key, message, signature));
}

TEST_CASE("a key that somebody wrote down is taken in either case, and nothing else for one") {
  std::string upper = public_text;
  for (auto& digit : upper)
    digit = static_cast<char>(std::toupper(digit));
  CHECK(parse_ed25519_key(upper) == parse_ed25519_key(public_text));
  for (const auto* bad : {"", "3d", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660",
                          "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660g",
                          "+d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                          "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c0"})
    CHECK_FALSE(parse_ed25519_key(bad).has_value());
}
