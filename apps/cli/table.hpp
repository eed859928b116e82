#pragma once
#include "runtime/base/time.hpp"
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace forerun::cli {

/// Safe on a terminal: control characters become "?".
std::string printable(std::string_view text);

/// "12 %", or "-" if there is nothing to take a share of.
std::string percent(std::uint64_t part, std::uint64_t whole);
std::string percent(double share);

/// Rows under a heading, each column as wide as its widest cell. Columns whose heading begins with ">" are
/// aligned to the right.
class table {
public:
  explicit table(std::vector<std::string> headings);
  /// As many cells as there are headings.
  void row(std::vector<std::string> cells);
  void print(std::ostream& out) const;

private:
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

} // namespace forerun::cli
