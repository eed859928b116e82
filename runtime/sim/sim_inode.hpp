#pragma once
#include "runtime/sim/dice.hpp"
#include "runtime/sim/sim_disk.hpp"
#include <array>
#include <map>
#include <memory>
#include <span>
#include <vector>

/// The content of one simulated file: what readers see, what is on stable storage, and what lies between.
namespace forerun::sim {

/// Null is a hole.
using sector = std::shared_ptr<const std::array<std::byte, sector_bytes>>;

class inode {
public:
  std::uint64_t size() const { return size_; }
  std::uint64_t space_used() const { return now_.size() * sector_bytes; }
  /// Sectors in [offset, offset + length) that are holes now.
  std::uint64_t holes_in(std::uint64_t offset, std::uint64_t length) const;

  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const;
  void write(std::uint64_t offset, std::span<const std::byte> data);
  /// Writes some of the sectors only.
  void write_torn(std::uint64_t offset, std::span<const std::byte> data, dice& chance);
  void punch(std::uint64_t offset, std::uint64_t length);
  void resize(std::uint64_t length);
  void sync();
  /// A failed sync: some of the changes are stable, the others never will be.
  void sync_badly(dice& chance);
  /// Opened anew: readers see no more what a failed sync forgot.
  void reopened();
  /// False when there is no such byte.
  bool damage(std::uint64_t offset);
  /// What a crash leaves.
  inode crashed(dice& chance) const;

private:
  using sectors = std::map<std::uint64_t, sector>;

  static void put(sectors& into, std::uint64_t at, sector what);
  static sector get(const sectors& from, std::uint64_t at);
  void change(std::uint64_t at, sector what);
  void change_size(std::uint64_t size);
  void settle(dice& chance);

  sectors now_;
  std::uint64_t size_ = 0;
  sectors stable_;
  std::uint64_t stable_size_ = 0;
  /// What each sector was given since the last sync, in order; and the lengths.
  std::map<std::uint64_t, std::vector<sector>> pending_;
  std::vector<std::uint64_t> pending_sizes_;
};

} // namespace forerun::sim
