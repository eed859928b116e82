#pragma once
#include "runtime/base/disk.hpp"
#include "runtime/base/time.hpp"
#include "runtime/provenance/builder.hpp"
#include "runtime/provenance/custody.hpp"
#include "runtime/provenance/index_keeper.hpp"
#include "runtime/provenance/log_view.hpp"
#include "runtime/provenance/verify.hpp"
#include <deque>
#include <functional>

namespace forerun::provenance {

struct log_limits {
  std::uint32_t block_records = 512; ///< A block is sealed at so many; at most `block_records_max`.
  std::uint64_t segment_bytes = segment_bytes_limit; ///< A new file begins before one would pass this.
  std::size_t pending_bytes_max = 4u << 20;          ///< Sealed, not yet written; past it `append` refuses.
};

/// What of a log stays: whole segments go, the oldest first. 0: no limit.
struct retention {
  std::uint64_t bytes_max = 0; ///< Of all segments.
  nanos age_max{0};            ///< Of the latest record of a segment, taken from when the next one began.
};

/// What `open` found.
struct recovery {
  std::uint32_t segments = 0;
  std::uint64_t records = 0;   ///< Of the whole log: the next position.
  std::uint64_t bytes_cut = 0; ///< Of an unfinished tail, which no synced commit had reached.
  /// What was on stable storage and no longer holds. Nothing is removed then: the segment stays as it is, and
  /// appending goes on in a new segment, whose header says that it follows damage.
  std::optional<fault> damage;
  /// What is wrong with the summary of dropped segments, or with the form of the anchors. Nothing is dropped
  /// behind an invalid summary.
  std::optional<fault_kind> witness;
};

enum class durability : std::uint8_t {
  written, ///< Survives the end of the process.
  synced,  ///< Survives a crash of the machine.
};

/// The provenance log of one node: records in blocks, blocks chained by SHA-256, in segment files. Append
/// collects in memory, `write` and `commit` do the I/O. A write that fails is repeated by the next call, so
/// nothing is lost while the process lives. Memory: `pending_bytes_max`, plus about 80 bytes for each record
/// of a block, plus what a reading call needs (one block). One thread; the disk must outlive it.
class log {
public:
  /// Finds the end of the log in `where` and cuts an unfinished tail. Errors: `io_failed`, `unsupported` (a
  /// later version wrote here; nothing is changed), `corrupt` (its checksums hold, and yet it counts further
  /// than a log can get: nobody can go on with it). Without a signer, which must outlive the log, nothing is
  /// dropped or anchored.
  static result<std::unique_ptr<log>> open(disk& where, const clock& time, log_limits limits = {},
                                           const signer* by = nullptr);

  const recovery& recovered() const { return recovered_; }

  /// Adds all entries or none; returns the position of the first. `details` has one for each entry, or none
  /// at all. Errors: `overloaded` (write first), `invalid_argument` (a name or element past its limit).
  result<std::uint64_t> append(const context& who, std::span<const access> entries,
                               std::span<const detail> details = {});
  result<std::uint64_t> append(const agent& who, const access_batch& batch);

  /// Writes the full blocks. Errors: `io_failed`, `no_space`; then they stay pending.
  result<void> write();
  /// Seals what was appended into a block, writes everything and, if asked, makes it durable. Errors as
  /// `write`.
  result<void> commit(durability how);

  /// Drops what is past the limits, at most `dropped_at_once` segments; true when a call soon has more to
  /// drop. The segment that is written always stays. Nothing goes while a check (`verifier`) is held, nor
  /// after a failed sync: files are opened for it, and may then show what is stored instead of what the next
  /// sync has to store. Errors: `io_failed`, `no_space`, `unavailable` (no signer), `corrupt` (the summary of
  /// what was dropped before is invalid).
  result<bool> retain(const retention& keep);
  static constexpr std::size_t dropped_at_once = 2;
  /// Commits, and signs the chain's head if it moved. Errors: as `commit`; `unavailable` (no signer).
  result<void> set_anchor();

  /// Records appended; the next position.
  std::uint64_t records() const { return sealed_.position + builder_.records(); }
  /// Of those, what survives a crash.
  std::uint64_t durable_records() const { return durable_records_; }
  /// Hash of the last sealed block: the head of the chain.
  sha256_hash head() const { return sealed_.head; }
  std::size_t pending_bytes() const { return pending_bytes_; }
  /// Of all segments on disk. Errors: `io_failed`.
  result<std::uint64_t> bytes() const;

  /// Everything that was appended by now, written or not, to be asked while the log goes on. The disk must
  /// outlive it. Memory: what is not written yet.
  /// Sums of what is written now cost a little; with `sums::none` only records can be asked for.
  log_view view(sums with = sums::none) const;
  /// An index to be made, if one is due and none is in the making. Whoever does the work tells `indexed` what
  /// came of it. Until then questions take longer, nothing else.
  std::optional<index_job> next_index_job() { return indexes_.next_job(); }
  void indexed(std::uint32_t segment, result<std::shared_ptr<const segment_index>> made) {
    indexes_.done(segment, std::move(made));
  }
  /// Checks what is written by now, held against `key` or else the signer's. To be called at any later time,
  /// on any thread, while the log goes on; the disk must outlive it. Nothing is dropped before it is
  /// destroyed. Errors: `io_failed`, `cancelled`.
  std::function<result<verification>()> verifier(std::optional<ed25519_key> key = {},
                                                 still_wanted wanted = {}) const;
  /// The signer's public key, if there is one.
  std::optional<ed25519_key> key() const { return custody_.key(); }

private:
  /// A block, or the header of a segment that begins there.
  struct link {
    std::shared_ptr<std::vector<std::byte>> image = std::make_shared<std::vector<std::byte>>();
    std::uint64_t records = 0;
    std::optional<std::uint32_t> begins_segment;
  };

  log(disk& where, const clock& time, log_limits limits, const signer* by);
  result<void> recover();
  void compare_with_anchor();
  /// False when the end of the log has to be sought in the segment before.
  result<bool> recover_segment(std::uint32_t number);
  result<bool> remove_unborn(std::uint32_t number, std::uint64_t length);
  result<bool> take_headless(segment_reader& reader);
  void seal();
  void begin_segment();
  result<void> write_link(const link& it);
  result<void> sync();
  result<void> write_again();
  log_end written() const;
  result<std::vector<std::uint32_t>> past(const retention& keep) const;

  disk& disk_;
  const clock& clock_;
  log_limits limits_;
  recovery recovered_;
  block_builder builder_;
  index_keeper indexes_;
  custody custody_;

  chain sealed_;                 ///< Behind the last sealed link; `segment` is the next number.
  std::uint64_t sealed_end_ = 0; ///< Where the next block will lie in its segment.
  bool begin_segment_ = true;    ///< The next block needs a new segment.
  std::deque<link> pending_;     ///< Sealed, not yet written.
  std::size_t pending_bytes_ = 0;
  std::uint16_t next_flags_ = 0; ///< Of the next segment header.

  std::unique_ptr<disk_file> file_; ///< The segment that is written; none before the first.
  std::uint32_t file_number_ = 0;
  wall_time segment_began_{};        ///< The last one.
  std::uint64_t written_end_ = 0;    ///< Its length.
  std::uint64_t written_blocks_ = 0; ///< Of the whole log, as are the following.
  std::uint64_t written_records_ = 0;
  std::uint64_t durable_end_ = 0; ///< In the segment that is written.
  std::uint64_t durable_blocks_ = 0;
  std::uint64_t durable_records_ = 0;
  bool sync_failed_ = false; ///< What was not durable then has to be written again.
};

} // namespace forerun::provenance
