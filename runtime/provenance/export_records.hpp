#pragma once
#include "runtime/provenance/origin.hpp"

/// Records as lines for other programs; docs/formats/provenance-exports.md says what stands in them. Each
/// call appends one line with its line feed, so that a scan is written as it goes. Any thread.
namespace forerun::provenance {

/// One JSON object.
void append_json_line(std::string& to, const entry& what);

/// The first line of a CSV file, with its line feed.
std::string csv_heading();
/// The same fields, quoted as RFC 4180 says where that is needed.
void append_csv_line(std::string& to, const entry& what);

/// One JSON object: the fields of the read, its elements' name, and in "parts" who wrote what it met.
void append_json_line(std::string& to, const read_origin& what);
std::string origins_csv_heading();
/// One line for each part: the fields of the read, the name, the part, and the fields of its writer, empty if
/// there is none.
void append_csv_lines(std::string& to, const read_origin& what);

} // namespace forerun::provenance
