#include "runtime/provenance/sealed.hpp"
#include <algorithm>

namespace forerun::provenance {
namespace {

constexpr std::size_t magic_bytes = sizeof(piece_magic) - 1;
constexpr std::size_t start_bytes = magic_bytes + sizeof(std::uint16_t);

std::string unfinished(const std::string& name) {
  return name + ".new";
}

template <std::size_t size> void take_array(byte_reader<>& from, std::array<std::uint8_t, size>& to) {
  std::memcpy(to.data(), from.take_bytes(size).data(), size);
}

} // namespace

std::vector<std::byte> begin_piece(const piece_magic& magic, std::uint16_t version) {
  std::vector<std::byte> piece;
  byte_writer<> out{piece};
  out.put_bytes(std::as_bytes(std::span{magic}).first(magic_bytes));
  out.put(version);
  return piece;
}

result<void> seal_piece(std::vector<std::byte>& piece, const signer& by) {
  byte_writer<> out{piece};
  out.put_bytes(std::as_bytes(std::span{by.key()}));
  const auto signature = by.sign(piece);
  if (!signature)
    return signature.error();
  out.put_bytes(std::as_bytes(std::span{signature.value()}));
  out.put(checksum(piece));
  return success();
}

result<sealed_piece> open_piece(std::span<const std::byte> bytes, const piece_magic& magic,
                                std::uint16_t version_max) {
  if (bytes.size() < start_bytes + seal_bytes || std::memcmp(bytes.data(), magic, magic_bytes) != 0)
    return errc::corrupt;
  const auto checked = bytes.first(bytes.size() - sizeof(std::uint64_t));
  if (get_number<std::uint64_t>(checked.data() + checked.size()) != checksum(checked))
    return errc::corrupt;
  const auto version = get_number<std::uint16_t>(bytes.data() + magic_bytes);
  if (version == 0 || version > version_max)
    return errc::unsupported;
  sealed_piece piece;
  piece.covered = checked.first(checked.size() - piece.signature.size());
  piece.body = bytes.first(bytes.size() - seal_bytes).subspan(start_bytes);
  byte_reader<> seal{bytes.last(seal_bytes)};
  take_array(seal, piece.key);
  take_array(seal, piece.signature);
  return piece;
}

wall_time take_time(byte_reader<>& from) {
  return {static_cast<std::int64_t>(from.take<std::uint64_t>())};
}

sha256_hash take_hash(byte_reader<>& from) {
  sha256_hash hash{};
  const auto bytes = from.take_bytes(hash.size());
  std::copy_n(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), hash.begin());
  return hash;
}

void put_time(byte_writer<>& to, wall_time time) {
  to.put(static_cast<std::uint64_t>(time.ns));
}

void put_hash(byte_writer<>& to, const sha256_hash& hash) {
  to.put_bytes(std::as_bytes(std::span{hash}));
}

result<std::vector<std::byte>> read_file(disk& from, std::string_view name, std::size_t bytes_max) {
  const auto file = from.open(name, false);
  if (!file)
    return file.error();
  const auto size = file.value()->size();
  if (!size)
    return size.error();
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min<std::uint64_t>(size.value(), bytes_max)));
  const auto got = file.value()->read(0, bytes);
  if (!got)
    return got.error();
  bytes.resize(got.value());
  return bytes;
}

result<void> replace_file(disk& on, const std::string& name, std::span<const std::byte> bytes) {
  const auto file = on.open(unfinished(name), true);
  if (!file)
    return file.error();
  if (auto written = file.value()->write(0, bytes); !written)
    return written;
  if (auto cut = file.value()->resize(bytes.size()); !cut)
    return cut;
  if (auto synced = file.value()->sync_data(); !synced)
    return synced;
  if (auto renamed = on.rename(unfinished(name), name); !renamed)
    return renamed;
  return on.sync_names();
}

result<void> remove_unfinished(disk& on, const std::string& name) {
  const auto removed = on.remove(unfinished(name));
  if (!removed && removed.error() != errc::not_found)
    return removed;
  return success();
}

} // namespace forerun::provenance
