#include "tests/sim/boot_sim.hpp"
#include <cstdio>
#include <cstdlib>
#include <cstring>

/// boot_sim --train A.csv.gz … --test B.csv.gz … [--serial] [--speed N] [--delay-ms N] [--mbit N] [--label L]
/// [--mix] Plays every test boot after the same training, each on empty caches, and says what it cost.
using namespace forerun;
using namespace forerun::boot_sim;

namespace {

constexpr double ms(nanos time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

void print(const std::string& path, const boot_result& ran) {
  const auto name = path.substr(path.rfind('/') + 1);
  std::printf("%-28s %8.3f %7.4f %8.4f %8.4f %8lu %4zu %7.2f %8.2f %7.2f\n", name.c_str(), ran.wait(),
              ran.traffic(), ran.accuracy(), ran.coverage(), static_cast<unsigned long>(ran.requests),
              ran.rankings, ms(ran.rank_cpu_max), ms(ran.observe_cpu) * 1000, ms(ran.learn_cpu));
}

} // namespace

int main(int count, char** arguments) {
  std::vector<std::string> train;
  std::vector<std::string> test;
  std::vector<std::string>* list = nullptr;
  pacing how;
  far_origin origin;
  std::string label;
  bool mixed = false;
  for (int at = 1; at < count; ++at) {
    const std::string word = arguments[at];
    const auto value = [&] { return at + 1 < count ? arguments[++at] : ""; };
    if (word == "--train")
      list = &train;
    else if (word == "--test")
      list = &test;
    else if (word == "--serial")
      how.gap_min = serial_gap;
    else if (word == "--speed")
      how.speed = std::atof(value());
    else if (word == "--delay-ms")
      origin.delay = nanos{static_cast<nanos::rep>(std::atof(value()) * 1e6)};
    else if (word == "--mbit")
      origin.bits_per_second = std::atof(value()) * 1e6;
    else if (word == "--label")
      label = value();
    else if (word == "--mix")
      mixed = true;
    else if (list != nullptr && word.rfind("--", 0) != 0)
      list->push_back(word);
    else
      return std::fprintf(stderr, "not understood: %s\n", word.c_str()), 2;
  }
  std::printf("%-28s %8s %7s %8s %8s %8s %4s %7s %8s %7s\n", "boot", "wait s", "bytes", "accuracy",
              "coverage", "requests", "rank", "rank ms", "read us", "learn ms");
  predict::history learned;
  for (const auto& path : train) {
    const auto boot = read_boot(path, how);
    if (!boot)
      return std::fprintf(stderr, "cannot read %s\n", path.c_str()), 1;
    print(path, play(*boot, label, origin, learned, false));
  }
  const auto snapshot = learned.save();
  for (const auto& path : test) {
    const auto boot = read_boot(path, how);
    if (!boot)
      return std::fprintf(stderr, "cannot read %s\n", path.c_str()), 1;
    predict::history history;
    history.load(snapshot).value();
    predict::mix mix;
    print(path + " *", play(*boot, label, origin, history, true, mixed ? &mix : nullptr));
  }
  return 0;
}
