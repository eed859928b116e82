#include "tests/scenarios/world.hpp"
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <sstream>

// Plays a story: each line is a step, and behind `->` what it must lead to, exactly and in order (nothing,
// when there is no arrow). `#` begins a comment when it stands at the beginning of a line. The first step may
// be `limits NAME=VALUE...`. Prints the story as it went, and fails at the first line that went otherwise.

using namespace forerun::scenarios;

namespace {

constexpr auto blank = " \t\r";

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(blank);
  return first == std::string::npos ? std::string{}
                                    : text.substr(first, text.find_last_not_of(blank) - first + 1);
}

struct story_line {
  std::string verb;
  words rest;
  std::string effects;
};

story_line parse(const std::string& text) {
  story_line line;
  const auto arrow = text.find("->");
  if (arrow != std::string::npos)
    line.effects = trimmed(text.substr(arrow + 2));
  std::istringstream in{text.substr(0, arrow)};
  in >> line.verb;
  for (std::string word; in >> word;)
    if (const auto equals = word.find('='); equals != std::string::npos)
      line.rest.settings[word.substr(0, equals)] = word.substr(equals + 1);
    else
      line.rest.plain.push_back(word);
  return line;
}

std::string joined(const std::vector<std::string>& effects) {
  std::string all;
  for (const auto& each : effects)
    all += (all.empty() ? "" : ", ") + each;
  return all;
}

int play(std::istream& story, const std::string& name) {
  std::unique_ptr<world> of;
  int number = 0;
  for (std::string text; std::getline(story, text);) {
    ++number;
    text = trimmed(text);
    if (text.empty() || text.front() == '#')
      continue;
    const auto line = parse(text);
    const auto wrong = [&](const std::string& what) {
      std::cerr << fmt::format("{}:{}: {}\n", name, number, what);
      return EXIT_FAILURE;
    };
    if (line.verb == "limits" && !of) {
      of = std::make_unique<world>(line.rest.settings);
      continue;
    }
    if (!of)
      of = std::make_unique<world>(std::map<std::string, std::string>{});
    std::string effects;
    try {
      effects = joined(of->step(line.verb, line.rest));
    } catch (const std::exception& problem) {
      return wrong(problem.what());
    }
    std::cout << text.substr(0, text.find("->")) << (effects.empty() ? "" : "-> ") << effects << "\n";
    if (const auto broken = of->broken(); !broken.empty())
      return wrong(broken);
    if (effects != line.effects)
      return wrong(fmt::format("expected \"{}\", got \"{}\"", line.effects, effects));
  }
  if (!of) {
    std::cerr << name << ": no story\n";
    return EXIT_FAILURE;
  }
  if (const auto unfinished = of->unfinished(); !unfinished.empty()) {
    std::cerr << name << ": " << unfinished << "\n";
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: scenarios FILE\n";
    return EXIT_FAILURE;
  }
  std::ifstream story{argv[1]};
  return play(story, argv[1]);
}
