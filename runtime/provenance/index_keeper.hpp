#pragma once
#include "runtime/provenance/index.hpp"
#include "runtime/provenance/segment.hpp"
#include <deque>
#include <map>

namespace forerun::provenance {

/// The index of one segment is to be made. `work` may be done on any thread while the log goes on.
struct index_job {
  std::uint32_t segment = 0;
  std::function<result<std::shared_ptr<const segment_index>>()> work;
};

/// The indexes of a log's segments: of the one that is written, and those of whole ones. What is missing or
/// cannot be written costs only time: questions then read the segment. Memory: `loaded_bytes_max` for whole
/// segments, `waiting_max` that wait to be merged, and the open one's. One thread; the disk must outlive it.
class index_keeper {
public:
  static constexpr std::size_t loaded_bytes_max = 16u << 20; ///< Older ones are read for each question.
  static constexpr std::size_t waiting_max = 4;
  static constexpr std::size_t held_bytes_max = 4u << 20; ///< Of pieces that could not be written.

  explicit index_keeper(disk& on) : disk_(on) {}

  /// Looks at what is there. `end`: how much of the last segment is the log's; 0: nothing goes on there.
  void open(const std::vector<std::uint32_t>& segments, std::uint64_t end);

  /// What is added to the block that is being filled; as `block_notes::add`.
  void note(std::uint32_t index, const context& who, std::span<const access> entries) {
    notes_.add(index, who, entries);
  }
  /// Before the first block of a segment; `head`: of the chain behind the segment before.
  void begin_segment(std::uint32_t number, const sha256_hash& head);
  void add_block(const block_header& header, std::uint64_t offset, std::span<const context> contexts);
  /// Takes pieces from memory to disk.
  void write();

  /// Ascending by segment; some may be missing.
  std::vector<std::shared_ptr<const segment_index>> known(bool with_sums) const;

  /// One at a time: the next one comes when `done` was told of the last.
  std::optional<index_job> next_job();
  void done(std::uint32_t segment, result<std::shared_ptr<const segment_index>> made);

  /// Segments before this one were dropped.
  void forget_before(std::uint32_t segment);

private:
  struct complete {
    std::shared_ptr<const segment_index> index; ///< None: to be made from the segment.
    sha256_hash head{};
  };
  void remember(std::shared_ptr<const segment_index> it);

  disk& disk_;
  block_notes notes_;
  std::optional<index_builder> open_;
  std::uint32_t open_number_ = 0;
  std::shared_ptr<disk_file> pieces_; ///< Of the open one.
  std::map<std::uint32_t, complete> waiting_;
  std::map<std::uint32_t, std::shared_ptr<const segment_index>> loaded_;
  std::size_t loaded_bytes_ = 0;
  std::optional<std::uint32_t> running_;
  std::uint32_t forgotten_ = 0; ///< Segments before this one are gone.
};

/// The index of the blocks of a segment up to `end`, made from them. Errors: `io_failed`, `corrupt`.
result<index_builder> index_of_blocks(disk& from, std::uint32_t segment, std::uint64_t end,
                                      const std::shared_ptr<disk_file>& pieces);

} // namespace forerun::provenance
