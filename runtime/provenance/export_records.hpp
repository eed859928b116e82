#pragma once
#include "runtime/provenance/query.hpp"

/// Records as lines for other programs; docs/formats/provenance-exports.md says what stands in them. Each
/// call appends one line with its line feed, so that a scan is written as it goes. Any thread.
namespace forerun::provenance {

/// One JSON object.
void append_json_line(std::string& to, const entry& what);

/// The first line of a CSV file, with its line feed.
std::string_view csv_heading();
/// The same fields, quoted as RFC 4180 says where that is needed.
void append_csv_line(std::string& to, const entry& what);

} // namespace forerun::provenance
