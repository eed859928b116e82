#include "runtime/base/names.hpp"
#include <doctest/doctest.h>
#include <string>

using namespace forerun;

TEST_CASE("a volume's name is safe as a file name") {
  for (const auto* text : {"debian", "a", "web-1.2_x", "-x"})
    CHECK_MESSAGE(is_volume_name(text), text);
  for (const auto* text : {"", ".", "..", ".hidden", "a/b", "a b", "\u00fc", "a\n"})
    CHECK_FALSE_MESSAGE(is_volume_name(text), text);
  CHECK(is_volume_name(std::string(name_bytes_max, 'x')));
  CHECK_FALSE(is_volume_name(std::string(name_bytes_max + 1, 'x')));
}

TEST_CASE("an image's URL is of a known kind") {
  for (const auto* text :
       {"file:/a.img", "nbd://h/x", "nbd+unix:///x?socket=/s", "http://h/i", "https://h/i"})
    CHECK_MESSAGE(is_image_url(text), text);
  for (const auto* text : {"", "file:", "/a.img", "ftp://h/i", "http://h/\n"})
    CHECK_FALSE_MESSAGE(is_image_url(text), text);
}

TEST_CASE("a label can be shown on a terminal") {
  CHECK(is_label("gcc boot"));
  CHECK_FALSE(is_label(""));
  CHECK_FALSE(is_label("\x1b[31m"));
}
