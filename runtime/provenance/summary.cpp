#include "runtime/provenance/summary.hpp"
#include <algorithm>

namespace forerun::provenance {
namespace {

constexpr piece_magic magic = "FRPROVDR";
constexpr std::uint16_t version = 1;
constexpr std::size_t entry_bytes = 72;
constexpr std::size_t head_bytes = 112; ///< All before the entries.
constexpr auto file_bytes_max = head_bytes + summary::entries_max * entry_bytes + seal_bytes;

/// The range of times of both; `any` when the first has one already.
template <class T> void widen(T& to, const dropped_segment& by, bool any) {
  to.first = any ? std::min(to.first, by.first) : by.first;
  to.last = any ? std::max(to.last, by.last) : by.last;
}

void put(byte_writer<>& out, const dropped_segment& it) {
  out.put(it.number);
  out.put(it.damage ? static_cast<std::uint32_t>(*it.damage) : std::uint32_t{0});
  out.put(it.bytes);
  out.put(it.records);
  put_time(out, it.first);
  put_time(out, it.last);
  put_hash(out, it.head);
}

std::optional<dropped_segment> take_entry(byte_reader<>& in) {
  dropped_segment it;
  it.number = in.take<std::uint32_t>();
  const auto damage = in.take<std::uint32_t>();
  if (damage > static_cast<std::uint32_t>(fault_kind_last))
    return std::nullopt;
  if (damage != 0)
    it.damage = static_cast<fault_kind>(damage);
  it.bytes = in.take<std::uint64_t>();
  it.records = in.take<std::uint64_t>();
  it.first = take_time(in);
  it.last = take_time(in);
  it.head = take_hash(in);
  return it;
}

bool possible(const summary& it) {
  return it.kept.segment > 0 && it.kept.segment <= segment_number_max && it.kept.sequence <= count_max &&
         it.kept.position <= count_max && it.totals.segments >= it.latest.size() &&
         it.totals.segments >= it.totals.damaged &&
         std::all_of(it.latest.begin(), it.latest.end(),
                     [&](const dropped_segment& one) { return one.number < it.kept.segment; });
}

} // namespace

void summary::add(const dropped_segment& it) {
  if (it.records > 0)
    widen(totals, it, totals.records > 0);
  ++totals.segments;
  totals.damaged += it.damage ? 1 : 0;
  totals.records += it.records;
  totals.bytes += it.bytes;
  latest.push_back(it);
  if (latest.size() > entries_max)
    latest.erase(latest.begin());
}

result<std::vector<std::byte>> encode(const summary& it, const signer& by) {
  auto piece = begin_piece(magic, version);
  byte_writer<> out{piece};
  out.put(static_cast<std::uint16_t>(it.latest.size()));
  out.put(it.kept.segment);
  out.put(it.kept.sequence);
  out.put(it.kept.position);
  put_hash(out, it.kept.head);
  put_time(out, it.written);
  out.put(it.totals.segments);
  out.put(it.totals.damaged);
  out.put(it.totals.records);
  out.put(it.totals.bytes);
  put_time(out, it.totals.first);
  put_time(out, it.totals.last);
  for (const auto& one : it.latest)
    put(out, one);
  if (auto sealed = seal_piece(piece, by); !sealed)
    return sealed.error();
  return piece;
}

result<signed_summary> decode_summary(std::span<const std::byte> bytes,
                                      const std::optional<ed25519_key>& key) {
  const auto opened = open_piece(bytes, magic, version);
  if (!opened)
    return opened.error();
  const auto& piece = opened.value();
  if ((key && piece.key != *key) || !piece.signature_holds())
    return errc::corrupt;
  byte_reader<> in{piece.body};
  summary it;
  const auto entries = in.take<std::uint16_t>();
  it.kept.segment = in.take<std::uint32_t>();
  it.kept.sequence = in.take<std::uint64_t>();
  it.kept.position = in.take<std::uint64_t>();
  it.kept.head = take_hash(in);
  it.written = take_time(in);
  it.totals.segments = in.take<std::uint32_t>();
  it.totals.damaged = in.take<std::uint32_t>();
  it.totals.records = in.take<std::uint64_t>();
  it.totals.bytes = in.take<std::uint64_t>();
  it.totals.first = take_time(in);
  it.totals.last = take_time(in);
  if (!in.ok() || entries > summary::entries_max || in.left() != entries * entry_bytes)
    return errc::corrupt;
  for (std::size_t i = 0; i < entries; ++i) {
    const auto entry = take_entry(in);
    if (!entry)
      return errc::corrupt;
    it.latest.push_back(*entry);
  }
  if (!possible(it))
    return errc::corrupt;
  return signed_summary{std::move(it), piece.key};
}

result<std::optional<signed_summary>> read_summary(disk& from, const std::optional<ed25519_key>& key) {
  const auto bytes = read_file(from, summary_name, file_bytes_max + 1);
  if (!bytes && bytes.error() == errc::not_found)
    return std::optional<signed_summary>{};
  if (!bytes)
    return bytes.error();
  auto it = decode_summary(bytes.value(), key);
  if (!it)
    return it.error();
  return std::optional{std::move(it.value())};
}

} // namespace forerun::provenance
