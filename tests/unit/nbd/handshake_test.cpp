#include "runtime/nbd/handshake.hpp"
#include "tests/unit/nbd/memory_device.hpp"
#include "tests/unit/nbd/wire.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::nbd;
using namespace forerun::nbd::wire;

namespace {

struct talk {
  exports_map names;
  std::optional<handshake> with;
  bytes said;

  explicit talk(std::optional<std::string> bound = std::nullopt, handshake_limits limits = {}) {
    for (const std::string name : {"a", "b"})
      names.add(std::make_shared<memory_device>(
          export_info{.name = name, .description = "disk " + name, .bytes = 8192, .read_only = name == "b"}));
    with.emplace(limits, names, std::move(bound));
  }

  /// Feeds it all; the rest that it does not take.
  std::size_t feed(std::span<const std::byte> input) {
    for (;;) {
      const auto count = with->take(input, said);
      if (count == 0)
        return input.size();
      input = input.subspan(count);
    }
  }
  std::vector<option_answer> answers(const bytes& input) {
    said.clear();
    CHECK(feed(input) == 0);
    return option_answers(said);
  }
};

std::uint32_t number(option_reply kind) {
  return static_cast<std::uint32_t>(kind);
}

} // namespace

TEST_CASE("the greeting is the fixed newstyle one") {
  bytes said;
  handshake::greet(said);
  CHECK(said == text("NBDMAGICIHAVEOPT") + bytes{std::byte{0}, std::byte{3}});
}

TEST_CASE("GO chooses an export and says its size, flags and block sizes") {
  talk to;
  const auto got = to.answers(hello() + option_of(option::go, chosen("a", {1, 2, 3, 2, 2})));
  REQUIRE(got.size() == 5);
  reader about{got[0].data};
  CHECK(about.take<std::uint16_t>() == 0);
  CHECK(about.take<std::uint64_t>() == 8192);
  const auto flags = about.take<std::uint16_t>();
  CHECK((flags & transmission_flag::multi_conn) != 0);
  CHECK((flags & transmission_flag::read_only) == 0);
  CHECK((flags & transmission_flag::dont_fragment) == 0);
  reader sizes{got[1].data};
  CHECK(sizes.take<std::uint16_t>() == 3);
  CHECK(sizes.take<std::uint32_t>() == 1);
  CHECK(sizes.take<std::uint32_t>() == 4096);
  CHECK(sizes.take<std::uint32_t>() == 32u << 20);
  CHECK(got[2].data == bytes{std::byte{0}, std::byte{1}} + text("a"));
  CHECK(got[3].data == bytes{std::byte{0}, std::byte{2}} + text("disk a"));
  CHECK(got[4].kind == number(option_reply::ack));
  CHECK(to.with->now() == handshake::state::agreed);
  CHECK(to.with->chosen()->info().name == "a");
}

TEST_CASE("INFO tells the same and goes on talking") {
  talk to;
  CHECK(to.answers(hello() + option_of(option::info, chosen("b"))).back().kind == number(option_reply::ack));
  CHECK(to.with->now() == handshake::state::talking);
}

TEST_CASE("an unknown export is refused and the talk goes on") {
  talk to;
  const auto got = to.answers(hello() + option_of(option::go, chosen("z")));
  REQUIRE(got.size() == 1);
  CHECK(got[0].kind == number(option_reply::error_unknown));
  CHECK(to.with->now() == handshake::state::talking);
}

TEST_CASE("the handshake is the same byte by byte") {
  talk to;
  const auto input = hello() + option_of(option::structured_reply) +
                     option_of(option::set_meta_context, contexts("a", {"base:allocation"})) +
                     option_of(option::go, chosen("a"));
  bytes held;
  for (const auto each : input) {
    held.push_back(each);
    const auto taken = to.with->take(held, to.said);
    CHECK((taken == 0 || taken == held.size()));
    if (taken > 0)
      held.clear();
    else
      CHECK(to.with->wanted() > held.size());
  }
  CHECK(to.with->now() == handshake::state::agreed);
  CHECK(to.with->agreed().structured);
  CHECK(to.with->agreed().allocation);
}

TEST_CASE("EXPORT_NAME answers without a header, with padding only for those who want it") {
  talk to;
  CHECK(to.feed(hello(0) + option_of(option::export_name, text("b"))) == 0);
  CHECK(to.said.size() == 10 + 124);
  CHECK(get_number<std::uint64_t, std::endian::big>(to.said.data()) == 8192);
  CHECK(to.with->now() == handshake::state::agreed);
  talk modern;
  CHECK(modern.feed(hello() + option_of(option::export_name, text("b"))) == 0);
  CHECK(modern.said.size() == 10);
}

TEST_CASE("EXPORT_NAME of an unknown export ends the talk") {
  talk to;
  to.feed(hello() + option_of(option::export_name, text("z")));
  CHECK(to.with->now() == handshake::state::over);
  CHECK(to.said.empty());
}

TEST_CASE("LIST names every export, and only the bound one where there is one") {
  talk to;
  const auto got = to.answers(hello() + option_of(option::list));
  REQUIRE(got.size() == 3);
  CHECK(got[0].data == bytes{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}} + text("adisk a"));
  CHECK(got[2].kind == number(option_reply::ack));
  talk bound{"b"};
  CHECK(bound.answers(hello() + option_of(option::list)).size() == 2);
}

TEST_CASE("a bound listener means its export by the empty name and hides all others") {
  talk to{"b"};
  const auto refused = to.answers(hello() + option_of(option::info, chosen("a")));
  CHECK(refused.back().kind == number(option_reply::error_unknown));
  to.answers(option_of(option::structured_reply) +
             option_of(option::set_meta_context, contexts("", {"base:allocation"})) +
             option_of(option::go, chosen("b")));
  REQUIRE(to.with->now() == handshake::state::agreed);
  CHECK(to.with->chosen()->info().name == "b");
  CHECK(to.with->agreed().allocation);
}

TEST_CASE("contexts need structured replies and hold for the export they were set for") {
  talk to;
  auto got = to.answers(hello() + option_of(option::set_meta_context, contexts("a", {"base:allocation"})));
  CHECK(got.back().kind == number(option_reply::error_invalid));
  to.answers(option_of(option::structured_reply));
  got = to.answers(option_of(option::list_meta_context, contexts("a", {})));
  REQUIRE(got.size() == 2);
  CHECK(got[0].data == bytes(4) + text("base:allocation"));
  got = to.answers(option_of(option::set_meta_context, contexts("a", {"other:x", "base:allocation"})));
  REQUIRE(got.size() == 2);
  CHECK(got[0].data ==
        bytes{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}} + text("base:allocation"));
  to.answers(option_of(option::go, chosen("b")));
  CHECK_FALSE(to.with->agreed().allocation);
}

TEST_CASE("a later choice of contexts replaces an earlier one") {
  talk to;
  to.answers(hello() + option_of(option::structured_reply) +
             option_of(option::set_meta_context, contexts("a", {"base:allocation"})) +
             option_of(option::set_meta_context, contexts("a", {"other:x"})) +
             option_of(option::go, chosen("a")));
  CHECK_FALSE(to.with->agreed().allocation);
}

TEST_CASE("STARTTLS and unknown options are refused, and the talk goes on") {
  talk to;
  const auto got = to.answers(hello() + option_of(option::starttls) + option_of(option::starttls, text("x")) +
                              option_of(11u) + option_of(4711u, text("what")) + option_of(option::abort));
  REQUIRE(got.size() == 5);
  CHECK(got[0].kind == number(option_reply::error_unsupported));
  CHECK(got[1].kind == number(option_reply::error_invalid));
  CHECK(got[2].kind == number(option_reply::error_unsupported));
  CHECK(got[3].kind == number(option_reply::error_unsupported));
  CHECK(got[3].to == 4711);
  CHECK(got[4].kind == number(option_reply::ack));
  CHECK(to.with->now() == handshake::state::over);
}

TEST_CASE("an option past the limit is skipped and answered") {
  talk to{std::nullopt,
          {.option_bytes_max = 100, .options_max = 64, .name_bytes_max = 50, .list_exports_max = 9}};
  const auto got =
      to.answers(hello() + option_of(option::go, bytes(1000)) + option_of(option::info, chosen("a")));
  CHECK(got.front().kind == number(option_reply::error_too_big));
  CHECK(got.back().kind == number(option_reply::ack));
  const auto named = to.answers(option_of(option::info, chosen(std::string(51, 'x'))));
  CHECK(named.back().kind == number(option_reply::error_too_big));
}

TEST_CASE("too many options end the talk") {
  talk to;
  bytes input = hello();
  for (int i = 0; i < 65; ++i)
    input = input + option_of(option::structured_reply);
  to.feed(input);
  CHECK(to.with->now() == handshake::state::over);
  CHECK(option_answers(to.said).size() == 64);
}

TEST_CASE("malformed options are refused") {
  talk to;
  auto longer = chosen("a");
  longer.push_back(std::byte{});
  const auto lying = bytes{std::byte{255}, std::byte{255}, std::byte{255}, std::byte{255}} + text("a");
  to.answers(hello());
  for (const auto& data : {bytes{}, longer, lying, chosen("a", {1}) + bytes(1)})
    CHECK(to.answers(option_of(option::info, data)).back().kind == number(option_reply::error_invalid));
  for (const auto& data : {bytes{}, lying, contexts("a", {"base:allocation"}) + bytes(1)})
    CHECK(to.answers(option_of(option::list_meta_context, data)).back().kind ==
          number(option_reply::error_invalid));
  CHECK(to.answers(option_of(option::list, text("x"))).back().kind == number(option_reply::error_invalid));
  CHECK(to.answers(option_of(option::structured_reply, text("x"))).back().kind ==
        number(option_reply::error_invalid));
}

TEST_CASE("a wrong magic, unknown client flags and options of an old client end the talk") {
  talk magicless;
  magicless.feed(hello() + bytes(16));
  CHECK(magicless.with->now() == handshake::state::over);
  talk odd;
  odd.feed(hello(1 << 7));
  CHECK(odd.with->now() == handshake::state::over);
  talk old;
  old.feed(hello(0) + option_of(option::list));
  CHECK(old.with->now() == handshake::state::over);
}
