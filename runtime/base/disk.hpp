#pragma once
#include "runtime/base/result.hpp"
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace forerun {

/// One open file. Every call may be made from any thread; calls on overlapping ranges are the caller's to
/// order. Errors: `no_space`, `io_failed`. What was written is safe from a crash only after `sync_data`
/// returned.
class disk_file {
public:
  virtual ~disk_file() = default;
  /// Reads up to into.size() bytes at `offset`; returns how many, less only at the end of the file.
  virtual result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) = 0;
  /// A hint: this will be read soon. Returns at once; what is read meanwhile need not be waited for then.
  virtual void will_read(std::uint64_t /*offset*/, std::uint64_t /*length*/) {}
  /// Writes all of `data` or fails; after a failure any part of it may have been written.
  virtual result<void> write(std::uint64_t offset, std::span<const std::byte> data) = 0;
  /// Makes everything that was written before the call survive a crash (fdatasync, including a new length).
  virtual result<void> sync_data() = 0;
  /// Gives the space of a range back; it then reads as zeroes.
  virtual result<void> punch(std::uint64_t offset, std::uint64_t length) = 0;
  virtual result<void> resize(std::uint64_t length) = 0;
  virtual result<std::uint64_t> size() = 0;
};

/// A folder of files: the machine's own, or the simulator's. Names are single path components.
class disk {
public:
  virtual ~disk() = default;
  /// Opens for reading and writing; makes the file if it is missing and `create`. Errors: `not_found`,
  /// `io_failed`.
  virtual result<std::unique_ptr<disk_file>> open(std::string_view name, bool create) = 0;
  /// Opens a file that is there, only to read what was written to it, be it stored or not. `open` shows what
  /// is stored: it reads from the device again, and takes what a failed sync did not store from everybody who
  /// has the file open. Errors: `not_found`, `io_failed`.
  virtual result<std::unique_ptr<disk_file>> open_to_read(std::string_view name) { return open(name, false); }
  /// Errors: `not_found`.
  virtual result<void> remove(std::string_view name) = 0;
  /// Replaces `to` by `from` in one step; survives a crash only after `sync_names`.
  virtual result<void> rename(std::string_view from, std::string_view to) = 0;
  /// Makes creations, removals and renames survive a crash.
  virtual result<void> sync_names() = 0;
  /// Names of all files, sorted.
  virtual result<std::vector<std::string>> list() = 0;
};

} // namespace forerun
