#include "tests/sim/boot_sim.hpp"
#include <cstdlib>
#include <doctest/doctest.h>

/// The recordings are looked for in $FORERUN_TRACES, beside the project, and among the project's own samples
/// (only one program). Tests run in the project's folder.
using namespace forerun;
using namespace forerun::boot_sim;

namespace {

using boot = std::vector<boot_step>;

std::optional<boot> recorded(std::string_view program, int number, const pacing& how) {
  const auto name = "/alpha-" + std::string(program) + "-" + std::to_string(number) + ".csv.gz";
  const char* folder = std::getenv("FORERUN_TRACES");
  for (const auto& from : {std::string(folder != nullptr ? folder : ""), std::string("../shared/traces/boot"),
                           std::string("tests/data/boot")})
    if (auto found = read_boot(from + name, how))
      return found;
  return std::nullopt;
}

struct pair {
  boot_result first;
  boot_result second;
};

/// On demand, then another recording of the same program on empty caches.
std::optional<pair> boot_twice(std::string_view program, const pacing& how, const far_origin& origin = {}) {
  const auto one = recorded(program, 1, how);
  const auto other = recorded(program, 2, how);
  if (!one || !other) {
    MESSAGE("skipped, there are no recordings of " << std::string(program));
    return std::nullopt;
  }
  predict::history history;
  pair out;
  play(*one, "", origin, history, true);
  predict::history nothing;
  out.first = play(*other, "", origin, nothing, false);
  out.second = play(*other, "", origin, history, true);
  return out;
}

constexpr auto programs = {"none", "gcc", "pyweb", "db"};

} // namespace

TEST_CASE("after one boot, another recording of the same program waits a twelfth of on demand, and wastes "
          "nothing") {
  const pacing paces[] = {{}, {.gap_min = serial_gap}, {.speed = 100}};
  for (const auto& how : paces)
    for (const std::string program : programs) {
      const auto ran = boot_twice(program, how);
      if (!ran)
        continue;
      INFO(program << " at speed " << how.speed << ", gap " << how.gap_min.count() << " ns");
      CHECK(ran->second.wait() <= ran->first.wait() / 12);
      CHECK(ran->second.traffic() <= 1.02);
      CHECK(ran->second.accuracy() >= 0.98);
      CHECK(ran->second.coverage() >= 0.9);
    }
}

TEST_CASE("learning a boot takes less than 10 ms") {
  for (const std::string program : programs)
    if (const auto ran = boot_twice(program, {})) {
#ifndef FORERUN_SANITIZED
      CHECK(ran->second.learn_cpu < std::chrono::milliseconds{10});
#endif
      CHECK(ran->second.rankings < 40);
    }
}

TEST_CASE("on a thin or a long path the second boot is no slower than the link") {
  for (const std::string program : programs)
    for (const far_origin& origin :
         {far_origin{.bits_per_second = 1e8}, far_origin{.delay = std::chrono::milliseconds{50}},
          far_origin{.delay = std::chrono::milliseconds{1}}}) {
      const auto ran = boot_twice(program, {}, origin);
      if (!ran)
        continue;
      const auto link =
          static_cast<double>(ran->second.distinct_blocks) * block_bytes * 8 / origin.bits_per_second;
      INFO(program << " at " << origin.bits_per_second << " bit/s");
      CHECK(ran->second.wait() <= std::max(ran->first.wait() / 12, link / 2));
      CHECK(ran->second.traffic() <= 1.02);
    }
}

TEST_CASE("among runs of other programs the right one is recognised, with hardly a block too many") {
  predict::history history;
  for (const std::string program : programs) {
    const auto one = recorded(program, 1, {});
    if (!one) {
      MESSAGE("skipped, there are no recordings of " << program);
      return;
    }
    play(*one, "", {}, history, false);
  }
  const auto learned = history.save();
  for (const std::string program : programs) {
    const auto other = recorded(program, 2, {});
    predict::history mixed;
    REQUIRE(mixed.load(learned));
    const auto ran = play(*other, "", {}, mixed, true);
    INFO(program);
    CHECK(ran.wait() < 0.3);
    CHECK(ran.traffic() <= 1.03);
    CHECK(mixed.figures().groups == 4);
  }
}
