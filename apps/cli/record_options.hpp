#pragma once
#include "runtime/control/records.hpp"
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace forerun::cli {

enum class record_format { table, jsonl, csv };

/// What `forerun records` was asked for.
struct record_options {
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

  bool has(const char* option) const { return command_->count(option) > 0; }
};

} // namespace forerun::cli
