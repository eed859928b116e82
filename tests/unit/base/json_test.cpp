#include "runtime/base/json.hpp"
#include "runtime/base/utf8.hpp"
#include <doctest/doctest.h>
#include <limits>

using namespace forerun;

TEST_CASE("JSON stays JSON whatever the text") {
  const auto text = json()
                        .open_object()
                        .field("quotes", "a\"b\\c")
                        .field("control", "\x1b[2J\n")
                        .field("broken", "\xff\xc0\xaf\xed\xa0\x80")
                        .field("utf8", "\u00fc\U0001f600")
                        .field("none", std::numeric_limits<double>::quiet_NaN())
                        .key("empty")
                        .open_array()
                        .close()
                        .close()
                        .text();
  CHECK(text == "{\n  \"quotes\": \"a\\\"b\\\\c\",\n  \"control\": \"\\u001b[2J\\u000a\",\n"
                "  \"broken\": \"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\",\n"
                "  \"utf8\": \"\u00fc\U0001f600\",\n  \"none\": null,\n  \"empty\": []\n}");
}

TEST_CASE("JSON on one line has no space that is not in a text") {
  json out{json::layout::one_line};
  out.open_object().field("a b", 1u).key("list").open_array().value("x").value(true).null().close();
  out.key("empty").open_object().close().close();
  CHECK(out.text() == R"({"a b":1,"list":["x",true,null],"empty":{}})");
}

TEST_CASE("UTF-8 is told from what is none") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("\u00fc\U0001f600"));
  for (const auto* text : {"\xff", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"})
    CHECK_FALSE(is_utf8(text));
  CHECK(utf8_sequence("\u00fcx") == 2);
}
