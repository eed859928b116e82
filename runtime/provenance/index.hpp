#pragma once
#include "runtime/provenance/format.hpp"
#include "runtime/provenance/postings.hpp"
#include "runtime/provenance/rollup.hpp"

/// What of a segment is worth reading for a question: derived from the log, and made again from it when it is
/// missing or does not fit. docs/formats/provenance.md has the file.
namespace forerun::provenance {

/// A block of a segment.
struct block_place {
  std::uint32_t offset = 0; ///< In the segment's file.
  wall_time time_min{};
  wall_time time_max{};
};

/// A context, and between which blocks of the segment it has records.
struct context_span {
  context who;
  std::uint32_t first_block = 0;
  std::uint32_t last_block = 0;
  bool operator==(const context_span&) const = default;
};
inline constexpr std::size_t context_spans_max = 16384;

/// Some blocks in a row, and what they touch.
struct index_piece {
  std::uint32_t first_block = 0;
  std::vector<block_place> blocks;
  posting_table postings; ///< Blocks count from `first_block`.
};

/// The groups that a block touches, unsorted; hash and part stand at one place.
struct touched_groups {
  std::vector<std::uint32_t> hashes;
  std::vector<group_part> parts;
};

/// A block that is in no piece yet.
struct loose_block {
  block_place place;
  touched_groups touched;
};

/// What is known of a segment, all of it or as far as it was written. Never changed after it was made; any
/// thread.
class segment_index {
public:
  std::uint32_t number = 0;
  std::shared_ptr<disk_file> segment; ///< Its file, open to read; none: who needs it opens it.
  std::vector<std::shared_ptr<const index_piece>> pieces;
  std::vector<std::shared_ptr<const loose_block>> loose; ///< Behind the pieces.
  /// None: there were too many. The same for the sums, which are as `pack` has them.
  std::shared_ptr<const std::vector<context_span>> contexts;
  std::shared_ptr<const std::vector<std::byte>> minutes;
  std::shared_ptr<const std::vector<std::byte>> hours;

  std::uint32_t blocks() const;
  const block_place& place(std::uint32_t block) const;
  /// The blocks that may touch elements `first` to `last`, ascending. Errors: `io_failed`, `corrupt`.
  result<std::vector<std::uint32_t>> touching(element_kind kind, std::uint32_t space, std::uint64_t first,
                                              std::uint64_t last) const;
  /// `touching` will be asked soon: what it reads is on its way then.
  void will_be_asked(element_kind kind, std::uint32_t space, std::uint64_t first, std::uint64_t last) const;
  /// About how many bytes it takes in memory.
  std::size_t bytes() const;
};

/// What the block that is being filled touches. One thread.
class block_notes {
public:
  /// `index` stands for `who` in this block. `Entry` has at, op, how, where, bytes, latency.
  template <class Entry> void add(std::uint32_t index, const context& who, std::span<const Entry> entries) {
    for (const auto& it : entries)
      touch(who, it.where);
    sums.add(index, entries);
  }
  touched_groups take_touched();
  block_sums sums;

private:
  void touch(const context& who, extent where) {
    const auto first = where.first, last = where.first + std::max(where.count, 1u) - 1;
    const auto first_group = first >> group_shift, last_group = last >> group_shift;
    if (last_group - first_group >= groups_max) {
      note(wide_hash(who.kind, who.space), whole_group);
      return;
    }
    for (auto group = first_group; group <= last_group; ++group)
      note(group_hash(who.kind, who.space, group),
           part_of(group == first_group ? first : 0, group == last_group ? last : 15));
  }
  void note(std::uint32_t hash, group_part part) {
    // What is touched once is often touched again soon.
    const auto it = std::uint64_t{hash} << part_bits | part;
    auto& recent = recent_[(hash + part) % recent_.size()];
    if (recent != it)
      touched_.push_back(recent = it);
  }

  std::vector<std::uint64_t> touched_;
  std::array<std::uint64_t, 1024> recent_ = none();
  static constexpr std::array<std::uint64_t, 1024> none() {
    std::array<std::uint64_t, 1024> all{};
    all.fill(~std::uint64_t{0}); // Nothing that is noted has so many bits.
    return all;
  }
};

/// Makes the index of one segment from its blocks, in order. Memory: postings of `loose_postings_max`, and
/// the pieces that nobody has taken to a file. One thread.
class index_builder {
public:
  static constexpr std::size_t loose_postings_max = 131072;

  explicit index_builder(std::uint32_t segment) : number_(segment) {}

  /// The next block, and what was noted of it, which is then empty.
  void add(const block_header& header, std::uint64_t offset, std::span<const context> contexts,
           block_notes& notes);
  /// No more blocks come: all of them into pieces.
  void finish() {
    if (!loose_.empty())
      make_piece();
  }

  /// Takes the pieces to a file, which must be theirs alone. Errors: those of the file; then they stay in
  /// memory.
  result<void> spill(const std::shared_ptr<disk_file>& to);
  /// So much of pieces is in memory.
  std::size_t held_bytes() const { return held_bytes_; }

  /// What is known by now; without sums, and without contexts if they are many, it costs next to nothing.
  std::shared_ptr<segment_index> snapshot(bool with_sums) const;

private:
  void make_piece();

  std::uint32_t number_;
  std::vector<std::shared_ptr<const loose_block>> loose_;
  std::size_t loose_postings_ = 0;
  std::vector<std::shared_ptr<const index_piece>> pieces_;
  std::size_t held_bytes_ = 0;
  std::uint64_t spilled_bytes_ = 0;
  std::uint32_t blocks_ = 0;
  absl::flat_hash_map<context, std::uint32_t> span_of_;
  std::vector<context_span> spans_;
  bool spans_given_up_ = false;
  rollup sums_;
};

/// Where pieces wait to be merged: "provenance-00000042.pieces".
std::string pieces_name(std::uint32_t segment);

/// Writes the index of a whole segment (whose blocks are all in pieces) as its file, which replaces what was
/// there. `head`: of the chain behind the segment's last block. Memory: a page of each piece, names and sums.
/// Errors: `io_failed`, `no_space`, `corrupt` (a piece does not hold).
result<void> write_index(disk& to, const segment_index& from, const sha256_hash& head);
/// Errors: `not_found`, `io_failed`, `unsupported`, `corrupt` (also when it is of another log: the chain's
/// head behind the segment is not `head`).
result<std::shared_ptr<const segment_index>> read_index(disk& from, std::uint32_t segment,
                                                        const sha256_hash& head);

} // namespace forerun::provenance
