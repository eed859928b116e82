#pragma once
#include "runtime/base/disk.hpp"
#include "runtime/provenance/format.hpp"
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace forerun::provenance {

enum class fault_kind : std::uint8_t {
  segment_missing = 1, ///< Files before or between others are gone.
  header_damaged,      ///< The header of a segment does not hold.
  block_damaged,       ///< A block's magic, checksum or limits do not hold.
  out_of_order,        ///< An intact block or segment that does not belong here: removed, moved or repeated.
  chain_broken,        ///< It does not name the hash of what stands before it: one of the two was replaced.
  summary_invalid,     ///< The summary of dropped segments is not what was signed, or not by this key.
  anchor_invalid,      ///< An anchor is not what was signed, or not by this key.
  anchor_mismatch,     ///< The chain does not pass through an anchor: it was rewritten, or cut short.
};
inline constexpr auto fault_kind_last = fault_kind::anchor_mismatch;
std::string_view to_string(fault_kind kind);

/// Asked before each block by who reads many, on the thread that reads; false ends it. Empty: always true.
using still_wanted = std::function<bool()>;

/// The first place where a log is not what was written.
struct fault {
  fault_kind what = fault_kind::block_damaged;
  std::uint32_t segment = 0;
  std::uint64_t offset = 0; ///< In the segment's file; of an invalid anchor, in the file of anchors.
  std::uint64_t sequence =
      0; ///< Of the block that was expected there; behind it, the chain missed an anchor.
  bool operator==(const fault&) const = default;
};
/// For people: "block damaged in segment 3 at offset 4096".
std::string to_string(const fault& it);

/// A block as it lies in its file; its checksums hold.
struct raw_block {
  std::uint64_t offset = 0;
  block_header header{};
  std::span<const std::byte> image; ///< Header and payload; valid until the reader is used again.

  std::span<const std::byte> payload() const { return image.subspan(block_header::bytes); }
};

/// Numbers of the segments in a folder, ascending. Errors: `io_failed`.
result<std::vector<std::uint32_t>> segments_of(disk& from);

/// Reads the blocks of one segment in order, through a window of 256 KiB (or one block). One thread.
class segment_reader {
public:
  /// Reads what was written, stored or not, up to `end` if given (the file may be growing behind it), else to
  /// the end of the file. Errors: `not_found`, `io_failed`.
  static result<segment_reader> open(disk& from, std::uint32_t number, std::optional<std::uint64_t> end = {});

  /// The same of a segment's file that is open already.
  static result<segment_reader> open(std::shared_ptr<disk_file> file, std::uint32_t number,
                                     std::optional<std::uint64_t> end = {});

  std::uint32_t number() const { return number_; }
  /// Errors: `corrupt`, `unsupported`, `io_failed`.
  result<segment_header> header();
  /// SHA-256 of the header, the chain's link to the first block. Call after `header` succeeded.
  sha256_hash header_hash() const { return header_hash_; }

  /// The next block; nothing at the end. Errors: `corrupt` and `unsupported` (`offset` stays where it was),
  /// `io_failed`.
  result<std::optional<raw_block>> next();
  /// SHA-256 of the block that `next` gave last. That of the block behind it is found with it, which takes
  /// hardly longer.
  sha256_hash hash(const raw_block& block);
  /// The block of `length` bytes at `offset`, and nothing around it; `offset()` does not change. Errors: as
  /// `next`.
  result<raw_block> at(std::uint64_t offset, std::size_t length);
  /// `at` will be asked for this soon.
  void will_read(std::uint64_t offset, std::uint64_t length) { file_->will_read(offset, length); }
  /// After `corrupt`: the next intact block further on, wherever it begins; nothing if there is none. At most
  /// `candidates_max` places that only look like blocks are tried.
  result<std::optional<raw_block>> find_next();
  /// Where the next block is expected.
  std::uint64_t offset() const { return offset_; }
  /// Goes on at a place that `offset` told of this segment before.
  void seek(std::uint64_t offset) { offset_ = offset; }
  std::uint64_t end() const { return end_; }

  static constexpr std::size_t candidates_max = 1024;

private:
  segment_reader(std::shared_ptr<disk_file> file, std::uint32_t number, std::uint64_t end)
      : file_(std::move(file)), number_(number), end_(end) {}
  /// Up to `length` bytes at `offset`, less only at the end.
  result<std::span<const std::byte>> view(std::uint64_t offset, std::size_t length);
  result<raw_block> block_at(std::uint64_t offset);

  static constexpr std::size_t window_bytes = 256u << 10;

  std::shared_ptr<disk_file> file_;
  std::uint32_t number_;
  std::uint64_t end_;
  std::uint64_t offset_ = segment_header::bytes;
  sha256_hash header_hash_{};
  std::vector<std::byte> window_;
  std::uint64_t window_at_ = 0;
  struct hashed {
    std::uint64_t offset = 0;
    sha256_hash hash{};
  };
  std::optional<hashed> ahead_; ///< Of bytes in the window.
};

/// Follows the chain from link to link and says what does not fit.
class chain {
public:
  chain() = default;

  /// Nothing when the header continues what came before.
  std::optional<fault_kind> follow(const segment_header& header, sha256_hash hash);
  std::optional<fault_kind> follow(const raw_block& block, const sha256_hash& hash);
  /// Goes on behind a place that is damaged.
  void resume(const segment_header& header, sha256_hash hash);
  void resume(const raw_block& block, const sha256_hash& hash);

  sha256_hash head{};         ///< Hash of the last link.
  std::uint64_t sequence = 0; ///< Of the next block.
  std::uint64_t position = 0; ///< Of the next record.
  std::uint32_t segment = 0;  ///< Number of the next segment.
};

} // namespace forerun::provenance
