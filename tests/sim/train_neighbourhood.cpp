/// Learns the weights of the neighbourhood models from recorded boots, tells how well they do in the
/// simulated guest, and writes the source file that ships them.
#include "runtime/predict/neighbourhood.hpp"
#include "runtime/predict/neighbourhood_features.hpp"
#include "tests/sim/boot_sim.hpp"
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/core.h>
#include <map>
#include <string>

using namespace forerun;
using namespace forerun::predict;

namespace {

constexpr unsigned passes = 6;
constexpr float rate = 0.05f; ///< AdaGrad's.

struct recording {
  std::string name, program;
  std::string path;
  std::vector<boot_sim::boot_step> steps;
};

/// One unread block near a read, and what became of it.
struct example {
  feature_list features;
  float read_later = 0;
  float saves = 0;
};

std::vector<example> examples_of(const recording& from) {
  const auto& steps = from.steps;
  // Per block: the step of its first read, and how many first reads that step has.
  std::map<std::uint64_t, std::size_t> first_step;
  std::vector<std::uint32_t> step_blocks(steps.size());
  for (std::size_t at = 0; at < steps.size(); ++at)
    for (const auto& where : steps[at].reads)
      for (auto block = where.first; block < where.end(); ++block)
        if (first_step.emplace(block, at).second)
          ++step_blocks[at];
  std::vector<example> examples;
  neighbourhood_map map;
  extent before;
  for (std::size_t at = 0; at < steps.size(); ++at)
    for (const auto& where : steps[at].reads) {
      const auto last = std::exchange(before, where);
      if (map.add_read(where).fresh == 0)
        continue;
      const neighbourhood_view view(map, where, last, neighbourhood::reach_blocks);
      for (const auto block : view.unread()) {
        const auto found = first_step.find(block);
        const bool later = found != first_step.end();
        // What is issued together with this read cannot be moved ahead of it.
        const bool soon = later && found->second == at;
        examples.push_back({view.features(block), later ? 1.0f : 0.0f,
                            later && !soon ? 1.0f / static_cast<float>(step_blocks[found->second]) : 0.0f});
      }
    }
  return examples;
}

/// A logistic regression over one-hot features (Duchi, Hazan, Singer: Adaptive subgradient methods, JMLR
/// 2011).
class logistic_model {
public:
  void learn(const feature_list& features, float target) {
    float sum = bias_;
    for (const auto at : features)
      sum += weights_[at];
    const auto error = target - 1 / (1 + std::exp(-sum));
    bias_ += rate * error / std::sqrt(bias_squares_ += error * error);
    for (const auto at : features)
      weights_[at] += rate * error / std::sqrt(squares_[at] += error * error);
  }
  float bias() const { return bias_; }
  std::int8_t rounded(std::size_t at) const {
    return static_cast<std::int8_t>(
        std::lround(std::clamp(weights_[at] / neighbourhood_weight_unit, -127.0f, 127.0f)));
  }

private:
  float bias_ = 0, bias_squares_ = 1;
  std::vector<float> weights_ = std::vector<float>(feature_count);
  std::vector<float> squares_ = std::vector<float>(feature_count, 1);
};

neighbourhood_model train(const std::vector<const recording*>& from) {
  logistic_model read_later, saves;
  std::vector<std::vector<example>> sets;
  for (const auto* one : from)
    sets.push_back(examples_of(*one));
  for (unsigned pass = 0; pass < passes; ++pass)
    for (const auto& set : sets)
      for (const auto& one : set) {
        read_later.learn(one.features, one.read_later);
        saves.learn(one.features, one.saves);
      }
  neighbourhood_model model;
  model.bias_read_later = read_later.bias();
  model.bias_saves = saves.bias();
  for (std::size_t at = 0; at < feature_count; ++at)
    model.weights[at] = {read_later.rounded(at), saves.rounded(at)};
  return model;
}

boot_sim::boot_result simulate(const std::vector<boot_sim::boot_step>& boot,
                               const neighbourhood_model* model) {
  history nothing;
  mix_limits limits;
  if (model)
    limits.neighbourhood.model = model;
  mix first(limits);
  return boot_sim::play(boot, "", {}, nothing, model != nullptr, &first);
}

void report(const std::vector<const recording*>& tests, const neighbourhood_model& model, const char* how) {
  const std::pair<boot_sim::pacing, const char*> paces[] = {
      {{}, "normal"}, {{.gap_min = boot_sim::serial_gap}, "serial"}, {{.speed = 100}, "fast"}};
  for (const auto& [pace, name] : paces) {
    double plain_s = 0, filled_s = 0, ratio = 0, bytes = 0, worst = 0, accuracy = 0;
    for (const auto* one : tests) {
      const auto boot = boot_sim::read_boot(one->path, pace);
      if (!boot)
        continue;
      const auto plain = simulate(*boot, nullptr), filled = simulate(*boot, &model);
      plain_s += plain.wait();
      filled_s += filled.wait();
      ratio += filled.wait() / plain.wait();
      bytes += filled.traffic();
      worst = std::max(worst, filled.traffic());
      accuracy += filled.accuracy();
    }
    const auto count = static_cast<double>(tests.size());
    fmt::print(
        "{:6} {:6} {:8}: on demand {:.2f} s, filled {:.2f} s, ratio {:.3f}, bytes {:.3f} (max {:.3f}), "
        "accuracy {:.2f}\n",
        tests[0]->program, name, how, plain_s / count, filled_s / count, ratio / count, bytes / count, worst,
        accuracy / count);
  }
}

void write_source(const neighbourhood_model& model, const std::vector<recording>& from, const char* path) {
  auto* file = std::fopen(path, "w");
  if (!file) {
    fmt::print(stderr, "cannot write {}\n", path);
    std::exit(1);
  }
  std::string names;
  for (const auto& one : from)
    names += (names.empty() ? "" : ", ") + one.name;
  fmt::print(file,
             "#include \"runtime/predict/neighbourhood_weights.hpp\"\n\n"
             "// Generated by `train_neighbourhood --write` (tests/sim) from {} recorded boots\n"
             "// of one Debian 12 image, none, pyweb, gcc and db, three each. Run it again after a change of "
             "the features.\n\n"
             "namespace forerun::predict {{\n\n// clang-format off\n"
             "const neighbourhood_model neighbourhood_shipped = {{{:.4f}f, {:.4f}f, {{{{\n",
             from.size(), model.bias_read_later, model.bias_saves);
  std::string line;
  for (std::size_t at = 0; at < feature_count; ++at) {
    const auto text = fmt::format("{{{},{}}},", model.weights[at].read_later, model.weights[at].saves);
    if (line.size() + text.size() > 108) {
      fmt::print(file, "{}\n", line);
      line.clear();
    }
    line += text;
  }
  fmt::print(file, "{}\n}}}}}};\n// clang-format on\n\n}} // namespace forerun::predict\n", line);
  std::fclose(file);
}

} // namespace

int main(int argc, char** argv) {
  const char* write_to = nullptr;
  std::vector<recording> all;
  for (int at = 1; at < argc; ++at) {
    if (std::strcmp(argv[at], "--write") == 0 && at + 1 < argc) {
      write_to = argv[++at];
      continue;
    }
    auto steps = boot_sim::read_boot(argv[at], {});
    if (!steps) {
      fmt::print(stderr, "{}: cannot be read\n", argv[at]);
      return 1;
    }
    std::string name = argv[at];
    name = name.substr(name.rfind('/') + 1);
    name = name.substr(0, name.find('.'));
    const auto from = name.find('-'), to = name.rfind('-');
    all.push_back(
        {name, from < to ? name.substr(from + 1, to - from - 1) : name, argv[at], std::move(*steps)});
  }
  if (all.empty()) {
    fmt::print(stderr, "usage: train_neighbourhood [--write FILE.cpp] NAME-PROGRAM-N.csv.gz...\n");
    return 2;
  }
  std::map<std::string, std::vector<const recording*>> programs;
  std::vector<const recording*> everything;
  for (const auto& one : all) {
    programs[one.program].push_back(&one);
    everything.push_back(&one);
  }
  const auto model = train(everything);
  for (const auto& [program, tests] : programs) {
    std::vector<const recording*> others;
    for (const auto& one : all)
      if (one.program != program)
        others.push_back(&one);
    report(tests, train(others), "unseen");
    report(tests, model, "all");
  }
  if (write_to)
    write_source(model, all, write_to);
}
