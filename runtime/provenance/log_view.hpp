#pragma once
#include "runtime/base/disk.hpp"
#include "runtime/provenance/index.hpp"
#include "runtime/provenance/query.hpp"
#include "runtime/provenance/verify.hpp"
#include <memory>
#include <vector>

namespace forerun::provenance {

struct sum_question {
  filter wanted; ///< Times count in whole minutes: the first and the last one wholly.
  time_unit unit = time_unit::hour;
  bool by_vm = false;
  bool by_program = true;
  bool by_user = false;
  bool by_space = false; ///< By kind and space.
  bool by_operation = false;
  std::size_t rows_max = 65536;
};
struct sum_answer {
  std::vector<rollup_row> rows;    ///< By time, then names; what was not asked for is empty or 0.
  bool complete = true;            ///< False: there would be more than `rows_max` rows, or damage was met.
  std::uint32_t segments_read = 0; ///< Of which records had to be read.
};

/// Whether a view is made to be asked for sums.
enum class sums : bool { none, known };
/// Where a reader of blocks stopped, for the next one to go on there: a hint, which stays good when segments
/// are dropped. The default is no place.
struct log_place {
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;
};

/// Called for each block, in order; false stops before the block is done.
using block_visitor = std::function<bool(const block_header&, std::span<const std::byte> payload)>;

/// What a log held at one moment, to be asked on any thread while the log goes on; its disk must outlive it.
/// Segments that are dropped meanwhile are passed over. Memory: the blocks that were not written then, and
/// what one question needs: a block, its records and its matches.
class log_view final : public record_source {
public:
  using image = std::shared_ptr<const std::vector<std::byte>>;

  using index = std::shared_ptr<const segment_index>;

  /// `indexes`: ascending by segment. `blocks`: those behind `end`, in order.
  log_view(disk& from, log_end end, std::vector<index> indexes, std::vector<image> blocks,
           std::uint64_t records, std::uint64_t sealed)
      : disk_(&from), end_(end), indexes_(std::move(indexes)), blocks_(std::move(blocks)), records_(records),
        sealed_(sealed) {}

  /// Scans and sums end with `cancelled` when this says false; it is asked before each block.
  void give_up_unless(still_wanted wanted) { go_on_ = std::move(wanted); }

  /// The position behind the last record.
  std::uint64_t records() const { return records_; }

  result<scan_result> scan(const filter& wanted, const visitor& visit) const override;
  result<std::vector<entry>> last(const filter& wanted, std::size_t max) const override;
  /// How many, how much and how long. Of a view made with `sums::known` it reads what the indexes have added
  /// up already; segments without an index are read. Errors: `io_failed`, `cancelled`, `invalid_argument`
  /// (the filter names a run, elements or positions: those are not added up).
  result<sum_answer> sum(const sum_question& about) const;

  /// Passes the intact blocks that hold `position` or a later one, and leaves at `from` where to go on:
  /// behind what was visited, or at the block that `visit` refused. Errors: `io_failed`.
  result<void> blocks(log_place& from, std::uint64_t position, const block_visitor& visit) const;

private:
  result<std::vector<std::uint32_t>> segments() const;
  index index_of(std::uint32_t segment) const;
  /// The blocks of a segment that may have matches, as far as its index knows; none: all have to be read.
  std::optional<std::vector<std::uint32_t>> candidates(const segment_index* known,
                                                       const filter& wanted) const;
  /// A segment that a search will read: all of it, or these blocks.
  struct part {
    segment_reader reader;
    index known;
    std::optional<std::vector<std::uint32_t>> blocks;
  };
  /// Those of these segments that may have matches, of which at most `max` are wanted. What is to be read is
  /// asked for all at once, so that a slow disk does it side by side. Errors: `io_failed`.
  result<std::vector<part>> parts(std::span<const std::uint32_t> numbers, const filter& wanted,
                                  std::size_t max) const;
  /// False when the scan is over. Errors: `io_failed`, `cancelled`.
  result<bool> scan_segment(std::uint32_t number, const filter& wanted, scanner& scan) const;
  /// The same for one block, where its index says.
  result<bool> scan_block(segment_reader& reader, const segment_index& known, std::uint32_t block,
                          scanner& scan) const;
  result<segment_reader> open_segment(std::uint32_t number, const segment_index* known) const;
  result<void> scan_memory(scanner& scan) const; ///< Errors: `cancelled`.
  /// False when `visit` refused a block. Errors: `io_failed`.
  result<bool> segment_blocks(log_place& from, std::uint64_t position, const block_visitor& visit) const;
  /// The position of the first record of a segment, if its header can be read.
  friend class summing;
  std::optional<std::uint64_t> first_position(std::uint32_t number) const;

  disk* disk_;
  still_wanted go_on_;
  log_end end_;
  std::vector<index> indexes_;
  std::vector<image> blocks_;
  std::uint64_t records_;
  std::uint64_t sealed_; ///< Position behind the last sealed block; indexes know of nothing behind it.
};

} // namespace forerun::provenance
