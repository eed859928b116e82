#pragma once
#include "runtime/provenance/anchor.hpp"
#include "runtime/provenance/summary.hpp"
#include <memory>

namespace forerun::provenance {

/// What vouches for a log beside its own chain: the summary of what was dropped, and the anchors of its head.
/// One thread; disk, clock and signer must outlive it.
class custody {
public:
  custody(disk& on, const clock& time, const signer* by)
      : disk_(on), clock_(time), signer_(by), anchors_(on) {}

  /// Reads both, and removes the segments that the summary covers. Errors: `io_failed`, `unsupported`.
  result<void> open();

  /// What did not hold when they were read. Nothing is dropped behind an invalid summary.
  std::optional<fault_kind> fault() const { return fault_; }
  /// Nothing while no segment was dropped, or if the summary is invalid.
  const std::optional<summary>& dropped() const { return dropped_; }
  const std::optional<read_anchor>& last_anchor() const { return anchors_.last(); }
  std::size_t anchors() const { return anchors_.count(); }
  std::optional<ed25519_key> key() const;

  /// Signs the chain's head, if it moved; all before it has to be on stable storage. Errors: `io_failed`,
  /// `no_space`, `unavailable` (nobody signs).
  result<void> set_anchor(const chain& links);
  /// Drops these segments, the oldest there are: the summary comes first. Reads them whole, to tell of each
  /// what it was. Errors: as above, `corrupt` (the summary is invalid); what was not dropped is, in another
  /// attempt.
  result<void> drop(std::span<const std::uint32_t> numbers);

  /// While somebody holds this, nothing is dropped: `held`.
  std::shared_ptr<const void> hold() const { return holders_; }
  bool held() const { return holders_.use_count() > 1; }

private:
  result<void> survey(std::uint32_t number, summary& to, class anchor_check& anchors);
  result<void> remove_covered();

  disk& disk_;
  const clock& clock_;
  const signer* signer_; ///< May be null.
  anchor_file anchors_;
  std::optional<summary> dropped_;
  std::optional<fault_kind> fault_;
  std::shared_ptr<const int> holders_ = std::make_shared<const int>(0);
};

} // namespace forerun::provenance
