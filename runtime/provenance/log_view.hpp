#pragma once
#include "runtime/base/disk.hpp"
#include "runtime/provenance/index.hpp"
#include "runtime/provenance/query.hpp"
#include "runtime/provenance/verify.hpp"
#include <memory>
#include <vector>

namespace forerun::provenance {

/// What a log held at one moment, to be asked on any thread while the log goes on; its disk must outlive it.
/// Segments that are dropped meanwhile are passed over. Memory: the blocks that were not written then, and
/// what one question needs: a block, its records and its matches.
class log_view final : public record_source {
public:
  using image = std::shared_ptr<const std::vector<std::byte>>;

  using index = std::shared_ptr<const segment_index>;

  /// `indexes`: ascending by segment. `blocks`: those behind `end`, in order.
  log_view(disk& from, log_end end, std::vector<index> indexes, std::vector<image> blocks,
           std::uint64_t records)
      : disk_(&from), end_(end), indexes_(std::move(indexes)), blocks_(std::move(blocks)), records_(records) {
  }

  /// The position behind the last record.
  std::uint64_t records() const { return records_; }

  result<scan_result> scan(const filter& wanted, const visitor& visit) const override;
  result<std::vector<entry>> last(const filter& wanted, std::size_t max) const override;

private:
  result<std::vector<std::uint32_t>> segments() const;
  index index_of(std::uint32_t segment) const;
  /// The blocks of a segment that may have matches, as far as its index knows; none: all have to be read.
  std::optional<std::vector<std::uint32_t>> candidates(const segment_index* known,
                                                       const filter& wanted) const;
  /// False when the scan is over. Errors: `io_failed`.
  result<bool> scan_segment(std::uint32_t number, const filter& wanted, scanner& scan) const;
  /// The same for one block, where its index says.
  result<bool> scan_block(segment_reader& reader, const segment_index& known, std::uint32_t block,
                          scanner& scan) const;
  result<segment_reader> open_segment(std::uint32_t number) const;
  void scan_memory(scanner& scan) const;
  /// The position of the first record of a segment, if its header can be read.
  std::optional<std::uint64_t> first_position(std::uint32_t number) const;

  disk* disk_;
  log_end end_;
  std::vector<index> indexes_;
  std::vector<image> blocks_;
  std::uint64_t records_;
};

} // namespace forerun::provenance
