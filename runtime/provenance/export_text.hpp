#pragma once
#include "runtime/provenance/record.hpp"
#include <string>

/// How exports write what a record holds.
namespace forerun::provenance {

/// UTC, e.g. "2024-03-01T12:00:00.000000001Z".
std::string date_time(wall_time at);

/// In hexadecimal; empty if nothing was recorded.
std::string text_of(const digest& what);

/// As `to_string`; kinds that have no name here keep their number, e.g. "kind200".
std::string name_of(element_kind kind);

/// E.g. "5" or "5-12": first and last element.
std::string range_of(extent where);

} // namespace forerun::provenance
