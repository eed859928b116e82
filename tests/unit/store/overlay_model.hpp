#pragma once
#include "runtime/sim/dice.hpp"
#include "runtime/sim/sim_disk.hpp"
#include "runtime/store/overlay.hpp"
#include <cstring>
#include <doctest/doctest.h>
#include <set>
#include <vector>

/// What a volume may read as, by everything that was done to it: kept for each sector, since sectors are what
/// a crash tears.
namespace forerun::store {

inline constexpr std::uint64_t model_blocks =
    70; ///< Of the volumes under test: some words of states, and a rest.
inline constexpr std::size_t block_sectors = block_bytes / sim::sector_bytes;
inline const std::string overlay_name = "v1";
inline const overlay_options model_options{
    .volume_bytes = model_blocks * block_bytes, .volume_id = 17, .rewrite_runs_min = 12};

/// The content of a sector, by a number: each 8 bytes of it are that number. 0 is zeroes, numbers below
/// `first_written` are an image's, one for each sector.
using tag = std::uint64_t;
inline constexpr tag first_written = 1'000'000;
inline tag image_tag(std::uint64_t sector) {
  return sector + 1;
}
inline void fill_sector(std::byte* at, tag with) {
  for (std::size_t i = 0; i < sim::sector_bytes; i += 8)
    std::memcpy(at + i, &with, sizeof with);
}
/// Everything else than a whole sector of one tag is `~0`.
inline tag tag_of(const std::byte* at) {
  tag first = 0;
  tag other = 0;
  std::memcpy(&first, at, sizeof first);
  for (std::size_t i = 8; i < sim::sector_bytes; i += 8) {
    std::memcpy(&other, at + i, sizeof other);
    if (other != first)
      return ~tag{0};
  }
  return first;
}

class overlay_model {
public:
  overlay_model() : sectors_(model_blocks * block_sectors) {
    for (std::uint64_t i = 0; i < sectors_.size(); ++i)
      sectors_[i] = {{image_tag(i)}, {image_tag(i)}, {}};
  }

  /// The sector was written; whether that was acknowledged or failed.
  void wrote(std::uint64_t sector, tag with, bool well) {
    auto& of = sectors_[sector];
    if (well)
      of.now.clear();
    of.now.insert(with);
    of.since.insert(with);
    of.during.insert(with);
  }
  void flush_begins() {
    for (auto& of : sectors_) {
      of.before = of.now;
      of.during.clear();
    }
  }
  void flush_ended(bool well) {
    for (auto& of : sectors_)
      if (well) {
        of.since = of.before;
        of.since.insert(of.during.begin(), of.during.end());
      }
  }
  /// Checks that a running overlay reads as it must.
  void check_running(const overlay& of, const char* when) const { check(of, when, false); }
  /// Checks what a crash left, which is the truth from then on.
  void check_crashed(const overlay& of, const char* when) {
    const auto found = check(of, when, true);
    for (std::uint64_t i = 0; i < sectors_.size(); ++i)
      sectors_[i] = {{found[i]}, {found[i]}, {}, {}};
  }

private:
  struct history {
    std::set<tag> now;    ///< What it may read as. More than one after writes that failed.
    std::set<tag> since;  ///< What a crash may leave: its contents since the last flush.
    std::set<tag> during; ///< Its new contents since a flush began,
    std::set<tag> before; ///< and what it was then.
  };

  std::vector<tag> check(const overlay& of, const char* when, bool crashed) const {
    std::vector<tag> found(sectors_.size());
    for (std::uint64_t block = 0; block < model_blocks; ++block) {
      std::array<std::byte, block_bytes> bytes{};
      const auto state = of.state(block);
      if (state == block_state::data)
        REQUIRE(of.read(block << block_shift, bytes));
      for (std::uint64_t i = 0; i < block_sectors; ++i) {
        const auto number = block * block_sectors + i;
        found[number] =
            state == block_state::absent ? image_tag(number) : tag_of(bytes.data() + i * sim::sector_bytes);
        const auto& allowed = crashed ? sectors_[number].since : sectors_[number].now;
        if (!allowed.contains(found[number]))
          FAIL(when << ": block " << block << " sector " << i << " reads as " << found[number] << " in state "
                    << static_cast<int>(state) << ", may be " << list(allowed));
      }
    }
    return found;
  }
  static std::string list(const std::set<tag>& of) {
    std::string out;
    for (const auto each : of)
      out += std::to_string(each) + " ";
    return out;
  }

  std::vector<history> sectors_;
};

/// Does random things to an overlay and tells the model.
class overlay_player {
public:
  /// `first`: the tag of its first sector.
  overlay_player(std::uint64_t seed, overlay_model& model, tag first = first_written)
      : chance_(seed), model_(model), next_(first) {}

  void write_something(overlay& of) {
    const auto block = chance_.below(model_blocks);
    switch (chance_.below(4)) {
    case 0: {
      const auto count =
          static_cast<std::uint32_t>(1 + chance_.below(std::min<std::uint64_t>(40, model_blocks - block)));
      write(of, {block, chance_.one_in(3) ? count : 1});
      break;
    }
    case 1:
      write(of, {block, 1});
      break;
    case 2:
      write_part(of, block);
      break;
    case 3: {
      const extent where{block, static_cast<std::uint32_t>(
                                    1 + chance_.below(std::min<std::uint64_t>(5, model_blocks - block)))};
      const bool well = of.trim(where).has_value();
      for (auto i = where.first * block_sectors; i < where.end() * block_sectors; ++i)
        model_.wrote(i, 0, well);
    }
    }
  }
  bool flush(overlay& of, bool close = false) {
    model_.flush_begins();
    const bool well = (close ? of.close() : of.flush()).has_value();
    model_.flush_ended(well);
    return well;
  }
  sim::dice& chance() { return chance_; }

private:
  void write(overlay& of, extent where) {
    std::vector<std::byte> bytes(where.bytes());
    const auto first = next_;
    for (std::size_t i = 0; i < bytes.size() / sim::sector_bytes; ++i)
      fill_sector(bytes.data() + i * sim::sector_bytes, next_++);
    const bool well = of.write(where.first, bytes).has_value();
    for (std::uint64_t i = 0; i < where.count * block_sectors; ++i)
      model_.wrote(where.first * block_sectors + i, first + i, well);
  }
  void write_part(overlay& of, std::uint64_t block) {
    const auto from = chance_.below(block_sectors);
    const auto count = 1 + chance_.below(block_sectors - from);
    std::vector<std::byte> bytes(count * sim::sector_bytes);
    std::array<std::byte, block_bytes> base;
    const auto first = next_;
    for (std::size_t i = 0; i < count; ++i)
      fill_sector(bytes.data() + i * sim::sector_bytes, next_++);
    for (std::size_t i = 0; i < block_sectors; ++i)
      fill_sector(base.data() + i * sim::sector_bytes, image_tag(block * block_sectors + i));
    const auto done =
        of.write_partial(block, static_cast<std::uint32_t>(from * sim::sector_bytes), bytes, base);
    for (std::uint64_t i = 0; i < count; ++i)
      model_.wrote(block * block_sectors + from + i, first + i, done.has_value());
  }

  sim::dice chance_;
  overlay_model& model_;
  tag next_;
};

} // namespace forerun::store
