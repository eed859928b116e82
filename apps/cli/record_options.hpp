#pragma once
#include "runtime/control/records.hpp"
#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

namespace forerun::cli {

enum class record_format { table, jsonl, csv };

/// By its name ("key") or number. None: there is no such kind.
std::optional<element_kind> kind_named(const std::string& text);
/// For `check`: the line's reader would take -1 for the largest number there is.
std::string number_problem(const std::string& text);

/// Which records are meant, and what `forerun records` does with them; other commands take what they need.
struct record_options {
  /// Whose records, of what and when.
  void add_filter_to(CLI::App& command);
  /// Which operations, and from which position on.
  void add_scope_to(CLI::App& command);
  /// The form of what is printed.
  void add_format_to(CLI::App& command);
  /// All of these, and how records are streamed.
  void add_to(CLI::App& command);

  control::record_question question() const;
  record_format format_of(bool json) const;

  std::string name; ///< Of the element.
  std::uint64_t rows = 0;
  std::uint32_t last = 0;
  bool follow = false;

private:
  std::string vm, program, user, volume, kind, since, until, format;
  std::vector<std::string> operations;
  std::uint64_t run = 0, element = 0, element_from = 0, element_to = 0, from = 0;
  std::uint32_t space = 0;
  bool live = false;
  const CLI::App* command_ = nullptr;

  /// False, too, if the command does not have the option.
  bool has(const char* option) const {
    const auto* known = command_->get_option_no_throw(option);
    return known != nullptr && known->count() > 0;
  }
};

} // namespace forerun::cli
