#pragma once
#include "apps/cli/commands.hpp"
#include <sstream>
#include <string>
#include <vector>

namespace forerun::cli {

/// What a command line did.
struct done {
  int code;
  std::string out;
  std::string err;
};

/// Runs `forerun WORDS...` against the node at a socket.
inline done run_line(const std::string& socket, std::vector<std::string> words) {
  words.insert(words.begin(), "forerun");
  std::vector<const char*> argv;
  for (const auto& each : words)
    argv.push_back(each.c_str());
  std::ostringstream out;
  std::ostringstream err;
  context where{.out = out, .err = err, .env = {}, .socket = socket};
  const auto code = run(static_cast<int>(argv.size()), argv.data(), where);
  return {code, out.str(), err.str()};
}

} // namespace forerun::cli
