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

/// A block that is in no piece yet.
struct loose_block {
  block_place place;
  std::vector<std::uint32_t> hashes; ///< Unsorted.
};

/// What is known of a segment, all of it or as far as it was written. Never changed after it was made; any
/// thread.
class segment_index {
public:
  std::uint32_t number = 0;
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
  std::vector<std::uint32_t> take_hashes();
  block_sums sums;

private:
  void touch(const context& who, extent where) {
    const auto first = where.first >> group_shift;
    const auto last = (where.first + std::max(where.count, 1u) - 1) >> group_shift;
    if (last - first >= groups_max)
      note(wide_hash(who.kind, who.space));
    else
      for (auto group = first; group <= last; ++group)
        note(group_hash(who.kind, who.space, group));
  }
  void note(std::uint32_t hash) {
    // What is touched once is often touched again soon.
    auto& recent = recent_[hash % recent_.size()];
    if (recent != hash)
      hashes_.push_back(recent = hash);
  }

  std::vector<std::uint32_t> hashes_;
  std::array<std::uint32_t, 1024> recent_ = none();
  static constexpr std::array<std::uint32_t, 1024> none() {
    std::array<std::uint32_t, 1024> all{};
    all.fill(~std::uint32_t{0}); // No hash has so many bits.
    return all;
  }
};

/// Makes the index of one segment from its blocks, in order. Memory: postings of `loose_postings_max`, and
/// the pieces that nobody has taken to a file. One thread.
class index_builder {
public:
  static constexpr std::size_t loose_postings_max = 65536;

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

/// "provenance-00000042.idx"; and where pieces wait to be merged, "provenance-00000042.pieces".
std::string index_name(std::uint32_t segment);
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
