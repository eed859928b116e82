#include "runtime/config/config.hpp"
#include <cstddef>
#include <cstdlib>

// Any text at all gives a configuration or reasons, each with a remedy.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace forerun::config;
  const auto loaded = load_config({reinterpret_cast<const char*>(data), size}, "node.toml", {"/home/u", ""});
  if (const auto* problems = std::get_if<1>(&loaded)) {
    if (problems->empty())
      std::abort();
    for (const auto& each : *problems)
      if (each.text().empty() || each.remedy.empty())
        std::abort();
  }
  return 0;
}
