#pragma once
#include "runtime/anatomy/programs.hpp"
#include <map>
#include <set>

namespace forerun::anatomy {

/// What systemd will start (systemd.unit(5)): from a target over the units that it pulls in. Units that are
/// only ordered against are read by it too, and not started. At most 4096 units.
class units {
public:
  units(const file_map& map, file_id root, programs& into);

  /// A unit by its name, with all that it pulls in. Errors: those of the reader.
  result<void> start(const std::string& name);
  /// Modules of the kernel that units ask for, at most 64, in the order they were met.
  const std::vector<std::string>& modules() const { return modules_; }

private:
  struct wanted {
    std::string name;
    bool started = false;
  };
  result<void> read(const wanted& unit);
  result<void> parse(const wanted& unit, std::string_view text);
  result<void> setting(const wanted& unit, std::string_view key, std::string_view value);
  void folder_of(const std::string& folder, bool started);
  void add(std::string name, bool started);

  const file_map& map_;
  file_id root_;
  programs& into_;
  std::vector<wanted> queue_;
  std::map<std::string, bool, std::less<>> met_; ///< Whether it was started.
  std::vector<std::string> modules_;
};

} // namespace forerun::anatomy
