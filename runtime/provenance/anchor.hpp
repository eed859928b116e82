#pragma once
#include "runtime/provenance/sealed.hpp"
#include "runtime/provenance/segment.hpp"

namespace forerun::provenance {

/// Says, signed, which head the chain had when it held so many blocks: a log that is rewritten later, with
/// all its hashes, does not pass through it.
struct anchor {
  static constexpr std::size_t bytes = 64 + 8 + seal_bytes;

  wall_time at{};
  std::uint64_t sequence = 0; ///< Of the next block.
  std::uint64_t position = 0; ///< Of the next record.
  sha256_hash head{};

  bool operator==(const anchor&) const = default;
};

/// An anchor as it lies in its file. That its form holds says nothing yet about who made it.
struct read_anchor {
  anchor what;
  ed25519_key key{};
  std::vector<std::byte> image;
  std::uint64_t offset = 0; ///< In the file.

  /// Checks the signature, too.
  bool by(const ed25519_key& wanted) const;
};

/// Errors: as `signer::sign`.
result<std::vector<std::byte>> encode(const anchor& it, const signer& by);
/// Errors: `corrupt`, `unsupported` (another version).
result<read_anchor> decode_anchor(std::span<const std::byte> bytes);

inline constexpr const char* anchors_name = "provenance.anchors";
inline constexpr std::size_t anchors_max = 4096; ///< In the file; when it is full, the older half goes.

struct read_anchors {
  std::vector<read_anchor> all;         ///< Whose form holds, as they stand in the file.
  std::optional<std::uint64_t> invalid; ///< Where one begins whose form does not.
  std::uint64_t end = 0;                ///< Behind the last whole one; an unfinished one may follow.
};
/// Those of a folder; none if there is no such file. With `written`, exactly so many have to be there, else
/// the last may be unfinished. Errors: `io_failed`, `unsupported`.
result<read_anchors> anchors_of(disk& from, std::optional<std::size_t> written = {});

/// The file of anchors as it is written: only appended to, or replaced by a part of itself. One thread; the
/// disk must outlive it.
class anchor_file {
public:
  explicit anchor_file(disk& on) : disk_(on) {}

  /// Cuts an unfinished end. Errors: `io_failed`, `unsupported`.
  result<void> open();
  /// The anchor is on stable storage when this returns well. Errors: `io_failed`, `no_space`, and of the
  /// signer.
  result<void> add(const anchor& it, const signer& by);
  /// Removes those of up to so many blocks. What does not hold stays, for whoever looks for it. Errors: as
  /// `add`.
  result<void> forget(std::uint64_t sequence, const ed25519_key& key);

  std::size_t count() const { return static_cast<std::size_t>(end_ / anchor::bytes); }
  bool damaged() const { return damaged_; }
  /// The last one whose form holds.
  const std::optional<read_anchor>& last() const { return last_; }

private:
  template <class Keep> result<void> rewrite(Keep keep);
  result<void> make_sure();

  disk& disk_;
  std::uint64_t end_ = 0;
  std::optional<read_anchor> last_;
  bool damaged_ = false;
  bool unsure_ = false; ///< A failure left open which file is there.
  bool named_ = false;  ///< Its name is known to be on stable storage.
};

} // namespace forerun::provenance
