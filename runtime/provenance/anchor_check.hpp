#pragma once
#include "runtime/provenance/anchor.hpp"

namespace forerun::provenance {

/// Holds a chain against its anchors while somebody follows it from link to link.
class anchor_check {
public:
  /// `key`: they must be signed by it; none: by whichever the first one names. Signatures are checked as
  /// their anchors are reached.
  anchor_check(read_anchors found, std::optional<ed25519_key> key);

  /// Where following begins; earlier anchors speak of what is gone.
  void begin(const chain& links);
  /// After each link: false when the chain went past an anchor that it does not pass through.
  bool pass(const chain& links);
  /// At the end of the chain: false when anchors are left that it never reached.
  bool end();

  std::uint32_t passed() const { return passed_; }
  /// The time of the last anchor that the chain passed through.
  std::optional<wall_time> last() const { return last_; }
  /// Of the anchor that was missed, or else comes next.
  std::uint64_t sequence() const { return next_ < all_.size() ? all_[next_].what.sequence : 0; }
  /// Where in its file one begins that is not what was signed; of those that were reached.
  std::optional<std::uint64_t> invalid() const { return invalid_; }
  const std::optional<ed25519_key>& key() const { return key_; }

private:
  /// False when none is left. What was not signed by the key is passed over.
  bool find_next();

  std::optional<ed25519_key> key_;
  std::optional<std::uint64_t> invalid_;
  std::vector<read_anchor> all_; ///< By sequence.
  std::size_t next_ = 0;
  bool next_holds_ = false; ///< Its signature was checked.
  std::uint32_t passed_ = 0;
  std::optional<wall_time> last_;
};

} // namespace forerun::provenance
