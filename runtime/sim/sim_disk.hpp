#pragma once
#include "runtime/base/disk.hpp"
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace forerun::sim {

/// What a crash cannot tear: a sector, as disks write it.
inline constexpr std::size_t sector_bytes = 512;

/// A disk in memory that fails and crashes on request, the same way for the same seed. Files are sparse.
///
/// What it takes from a program that did not sync, at a crash:
/// - each sector that was written, punched or cut off since the file's last `sync_data` is, independently of
/// all
///   others, what it was then or any of the contents it was given since: lost, torn, and out of order;
/// - the file's length is the one of then or any that it had since;
/// - names are as they were after some number of the creations, removals and renames since the last
/// `sync_names`:
///   file systems with a journal keep those in order. The files behind them may be unsynced all the same.
/// A `sync_data` that fails keeps a part of what it should have kept and forgets the rest: a later one does
/// not bring it back, while reads go on seeing it until the file is opened anew (so Linux does; Rebello et
/// al., "Can applications recover from fsync failures?", ATC 2020).
///
/// Any thread. Every call on the disk and its files counts as one operation.
class sim_disk final : public disk {
public:
  explicit sim_disk(std::uint64_t seed = 1);
  ~sim_disk() override;

  result<std::unique_ptr<disk_file>> open(std::string_view name, bool create) override;
  result<std::unique_ptr<disk_file>> open_to_read(std::string_view name) override;
  result<void> remove(std::string_view name) override;
  result<void> rename(std::string_view from, std::string_view to) override;
  result<void> sync_names() override;
  result<std::vector<std::string>> list() override;

  /// Operations so far. The next one has this number.
  std::uint64_t operations() const;
  /// The operation of that number fails with `how`. A write then does a part of its work by seed, a
  /// `sync_data` as said above, all else nothing.
  void fail_at(std::uint64_t operation, errc how);
  /// The machine loses its power in that operation: it is done in part, and it and all later ones fail with
  /// `io_failed`.
  void lose_power_at(std::uint64_t operation);
  /// Called after each operation with its number, on the thread that made it and outside of all locks: for
  /// tests that do something else in the middle of another call. Set it before the disk is used by several
  /// threads.
  void set_hook(std::function<void(std::uint64_t operation)> hook);
  /// Writes into holes fail with `no_space` past so many bytes in all files.
  void set_space(std::uint64_t bytes_max);
  /// Bytes of all files that are no holes.
  std::uint64_t space_used() const;
  /// Flips bits of one byte, behind everybody's back, also in what is synced. Errors: `not_found`.
  result<void> damage(std::string_view name, std::uint64_t offset);

  /// The disk as it may be found after a crash now. This one stays as it is.
  std::unique_ptr<sim_disk> crash(std::uint64_t seed) const;

private:
  struct state;
  class turn;
  class file;
  std::shared_ptr<state> state_;
};

} // namespace forerun::sim
