#pragma once
#include "runtime/origin/open.hpp"

namespace forerun::origin {

/// An image in a file or on a block device, read by a few threads. Every read compares the file's length and
/// time of change with those at the start, and fails with `changed` when they differ.
opened open_file(const std::string& path, const source_options& options);

} // namespace forerun::origin
