#pragma once
#include "runtime/config/config.hpp"
#include <initializer_list>
#include <toml++/toml.h>
#include <utility>

/// Inside runtime/config only: takes keys out of a TOML table and gathers what is wrong with them.
namespace forerun::config {

class problems {
public:
  explicit problems(std::string file) : file_(std::move(file)) {}

  void add(const toml::source_region& where, std::string what, std::string remedy);
  bool empty() const { return found_.empty(); }
  std::vector<diagnostic> take();

private:
  std::string file_;
  std::vector<diagnostic> found_;
};

/// Reads one table. Each call names a key; its target keeps its default when the key is missing or bad.
/// `finish` reports the keys that nobody asked for.
class section {
public:
  /// `table` may be null: then every key keeps its default.
  section(problems& found, const toml::table* table, std::string path);

  void boolean(std::string_view key, bool& target);
  void count(std::string_view key, std::uint32_t& target, std::uint32_t least, std::uint32_t most);
  void bytes(std::string_view key, std::uint64_t& target, std::uint64_t least, std::uint64_t most);
  void time(std::string_view key, nanos& target, nanos least, nanos most);
  void number(std::string_view key, double& target, double least, double most);
  void words(std::string_view key, std::string& target, std::size_t bytes_max);
  /// An absolute path, or one that begins with "~/".
  void path(std::string_view key, std::string& target, const environment& env);
  /// A list of addresses; those that others can reach need `insecure`.
  void addresses(std::string_view key, std::vector<std::string>& target, bool insecure);

  template <class T>
  void choice(std::string_view key, T& target,
              std::initializer_list<std::pair<std::string_view, T>> choices) {
    const auto* node = find(key);
    if (node == nullptr)
      return;
    const auto text = node->value<std::string_view>();
    std::string names;
    for (const auto& [name, value] : choices) {
      if (node->is_string() && text == name) {
        target = value;
        return;
      }
      names += (names.empty() ? "\"" : ", \"") + std::string(name) + "\"";
    }
    bad(key, *node, "is none of its choices", "write one of " + names);
  }

  const toml::table* table(std::string_view key);
  const toml::array* tables(std::string_view key);

  /// The value as it stands in the file, or null. Marks the key as known.
  const toml::node* find(std::string_view key);
  /// Reports that the value of `key` will not do.
  void bad(std::string_view key, const toml::node& node, std::string_view why, std::string remedy);
  void finish();

  const std::vector<std::string>& known() const { return known_; }
  /// "[memory] pool", or "pool" at the top level.
  std::string title(std::string_view key) const;

private:
  problems& found_;
  const toml::table* table_;
  std::string path_;
  std::vector<std::string> known_;
};

/// One address as text; empty and false if it is none, or not allowed. `why` and `remedy` are filled then.
bool acceptable_address(std::string_view text, bool insecure, std::string& why, std::string& remedy);

/// The name in `names` that is nearest to `name`, or nothing if none is near.
std::string nearest(std::string_view name, const std::vector<std::string>& names);

} // namespace forerun::config
