#include "tests/sim/boot_sim.hpp"
#include <cstdlib>
#include <doctest/doctest.h>

/// What nobody could have learned: the first boot of an image, and reads that cannot be predicted. The
/// recordings are looked for in $FORERUN_TRACES, beside the project, and among its own samples.
using namespace forerun;
using namespace forerun::boot_sim;

namespace {

std::optional<std::vector<boot_step>> recorded(const std::string& name, const pacing& how) {
  const char* folder = std::getenv("FORERUN_TRACES");
  for (const auto& from : {std::string(folder != nullptr ? folder : ""), std::string("../shared/traces/boot"),
                           std::string("../shared/traces/block"), std::string("tests/data/boot")})
    if (auto found = read_boot(from + "/" + name, how))
      return found;
  MESSAGE("skipped, there is no recording " << name);
  return std::nullopt;
}

boot_result first_boot(const std::vector<boot_step>& boot, bool ahead, float traffic_max = 1.3f) {
  predict::history nothing;
  predict::mix mix{{.budget = {.traffic_max = traffic_max}}};
  return play(boot, "", {}, nothing, ahead, &mix);
}

} // namespace

TEST_CASE(
    "the first boot ever waits at most 0.65 of on demand, half in the mean, and moves 1.3 of its bytes") {
  for (const auto& how : {pacing{}, pacing{.gap_min = serial_gap}}) {
    double sum = 0;
    int count = 0;
    for (const std::string program : {"none", "gcc", "pyweb", "db"}) {
      const auto boot = recorded("alpha-" + program + "-2.csv.gz", how);
      if (!boot)
        continue;
      const auto plain = first_boot(*boot, false), filled = first_boot(*boot, true);
      INFO(program);
      CHECK(filled.wait() <= 0.65 * plain.wait());
      CHECK(filled.traffic() <= 1.3);
      sum += filled.wait() / plain.wait();
      ++count;
    }
    if (count == 4)
      CHECK(sum / count <= 0.55);
  }
}

TEST_CASE("after one boot the mix adds hardly a block to what the history knows") {
  for (const std::string program : {"none", "gcc", "pyweb", "db"}) {
    const auto one = recorded("alpha-" + program + "-1.csv.gz", {});
    const auto other = recorded("alpha-" + program + "-2.csv.gz", {});
    if (!one || !other)
      continue;
    predict::history history;
    predict::mix mix;
    play(*one, "", {}, history, true, &mix);
    mix.begin_run();
    const auto second = play(*other, "", {}, history, true, &mix);
    INFO(program);
    CHECK(second.traffic() <= 1.02);
    CHECK(second.accuracy() >= 0.98);
  }
}

TEST_CASE("where traffic is dear, unpredictable reads cost at most 3 % more of it") {
  if (const auto search = recorded("spc_websearch1_a.csv.gz", {.speed = 1}))
    CHECK(first_boot(*search, true, 1.02f).traffic() <= 1.03);
}
