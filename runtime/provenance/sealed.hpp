#pragma once
#include "runtime/base/bytes.hpp"
#include "runtime/base/disk.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/base/time.hpp"
#include "runtime/provenance/signer.hpp"
#include <optional>

/// Pieces that somebody signed, and their files. A piece is its magic, its version, what it says, and a seal:
/// the public key, the signature over all before it, and a checksum over all before that.
/// docs/formats/provenance.md has the bytes.
namespace forerun::provenance {

inline constexpr std::size_t seal_bytes = 32 + 64 + 8;

using piece_magic = char[9];

/// Begins a piece.
std::vector<std::byte> begin_piece(const piece_magic& magic, std::uint16_t version);
/// Ends it. Errors: as `signer::sign`.
result<void> seal_piece(std::vector<std::byte>& piece, const signer& by);

/// A piece whose magic and checksum hold. Views the bytes it was made of.
struct sealed_piece {
  std::span<const std::byte> body; ///< What it says.
  ed25519_key key{};
  ed25519_signature signature{};
  std::span<const std::byte> covered; ///< What the signature is over.

  bool signature_holds() const { return ed25519_holds(key, covered, signature); }
};
/// Errors: `corrupt`, `unsupported` (another version).
result<sealed_piece> open_piece(std::span<const std::byte> bytes, const piece_magic& magic,
                                std::uint16_t version_max);

wall_time take_time(byte_reader<>& from);
sha256_hash take_hash(byte_reader<>& from);
void put_time(byte_writer<>& to, wall_time time);
void put_hash(byte_writer<>& to, const sha256_hash& hash);

/// A small file, of a long one the beginning. Errors: `not_found`, `io_failed`.
result<std::vector<std::byte>> read_file(disk& from, std::string_view name, std::size_t bytes_max);
/// Puts it in the place of what was there, in one step that a crash leaves done or undone. Errors:
/// `io_failed`, `no_space`; the new one may be there then, and be gone after a crash.
result<void> replace_file(disk& on, const std::string& name, std::span<const std::byte> bytes);
/// Removes what an unfinished `replace_file` left. Errors: `io_failed`.
result<void> remove_unfinished(disk& on, const std::string& name);

} // namespace forerun::provenance
