#pragma once
#include "runtime/provenance/query.hpp"
#include <string>
#include <string_view>

/// Records of the log as lines for people, each with its line feed; runtime/provenance/export_records.hpp has
/// those for programs.
namespace forerun::cli {

/// Columns of a fixed width, as nobody knows what is still to come.
std::string_view table_heading();
void append_table_line(std::string& to, const provenance::entry& from);

} // namespace forerun::cli
