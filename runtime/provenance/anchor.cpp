#include "runtime/provenance/anchor.hpp"
#include <algorithm>

namespace forerun::provenance {
namespace {

constexpr piece_magic magic = "FRPROVAN";
constexpr std::uint16_t version = 1;
constexpr auto file_bytes_max = anchors_max * anchor::bytes;

} // namespace

result<std::vector<std::byte>> encode(const anchor& it, const signer& by) {
  auto piece = begin_piece(magic, version);
  byte_writer<> out{piece};
  out.put(std::uint16_t{0});
  out.put(std::uint32_t{0});
  put_time(out, it.at);
  out.put(it.sequence);
  out.put(it.position);
  put_hash(out, it.head);
  if (auto sealed = seal_piece(piece, by); !sealed)
    return sealed.error();
  return piece;
}

result<read_anchor> decode_anchor(std::span<const std::byte> bytes) {
  if (bytes.size() != anchor::bytes)
    return errc::corrupt;
  const auto opened = open_piece(bytes, magic, version);
  if (!opened)
    return opened.error();
  byte_reader<> in{opened.value().body};
  in.take_bytes(6);
  read_anchor it{
      .what = {.at = take_time(in)}, .key = opened.value().key, .image = {bytes.begin(), bytes.end()}};
  it.what.sequence = in.take<std::uint64_t>();
  it.what.position = in.take<std::uint64_t>();
  it.what.head = take_hash(in);
  if (it.what.sequence > count_max || it.what.position > count_max)
    return errc::corrupt;
  return it;
}

bool read_anchor::by(const ed25519_key& wanted) const {
  const auto piece = open_piece(image, magic, version);
  return piece && piece.value().key == wanted && piece.value().signature_holds();
}

result<read_anchors> anchors_of(disk& from, std::optional<std::size_t> written) {
  const auto bytes = read_file(from, anchors_name, file_bytes_max + 1);
  if (!bytes && bytes.error() != errc::not_found)
    return bytes.error();
  read_anchors out;
  std::span<const std::byte> left;
  if (bytes)
    left = bytes.value();
  if (left.size() > file_bytes_max) {
    out.invalid = file_bytes_max; // Nobody of us makes it so long.
    left = left.first(file_bytes_max);
  }
  const auto count = std::min(left.size() / anchor::bytes, written.value_or(anchors_max));
  for (std::size_t i = 0; i < count; ++i, left = left.subspan(anchor::bytes)) {
    auto it = decode_anchor(left.first(anchor::bytes));
    if (!it && it.error() != errc::corrupt)
      return it.error();
    // Each is on stable storage before the next is written: only the last can be unfinished.
    if (!it && !written && left.size() < 2 * anchor::bytes)
      break;
    if (it) {
      it.value().offset = out.end;
      out.all.push_back(std::move(it.value()));
    } else {
      out.invalid = std::min(out.invalid.value_or(out.end), out.end);
    }
    out.end += anchor::bytes;
  }
  if (written && count < *written && !out.invalid)
    out.invalid = out.end;
  return out;
}

result<void> anchor_file::open() {
  if (auto removed = remove_unfinished(disk_, anchors_name); !removed)
    return removed;
  auto found = anchors_of(disk_);
  if (!found)
    return found.error();
  damaged_ = found.value().invalid.has_value();
  end_ = found.value().end;
  last_.reset();
  if (!found.value().all.empty())
    last_ = std::move(found.value().all.back());
  const auto file = disk_.open(anchors_name, false);
  if (!file)
    return file.error() == errc::not_found ? result<void>{success()} : file.error();
  return file.value()->resize(end_);
}

result<void> anchor_file::make_sure() {
  if (unsure_)
    if (auto opened = open(); !opened)
      return opened;
  unsure_ = true;
  return success();
}

result<void> anchor_file::add(const anchor& it, const signer& by) {
  if (count() >= anchors_max)
    if (auto kept = rewrite([](std::size_t number, const auto&) { return number >= anchors_max / 2; }); !kept)
      return kept;
  if (auto sure = make_sure(); !sure)
    return sure;
  const auto image = encode(it, by);
  if (!image)
    return image.error();
  const auto file = disk_.open(anchors_name, true);
  if (!file)
    return file.error();
  if (auto written = file.value()->write(end_, image.value()); !written)
    return written;
  if (auto synced = file.value()->sync_data(); !synced)
    return synced;
  if (!named_)
    if (auto synced = disk_.sync_names(); !synced)
      return synced;
  named_ = true;
  end_ += anchor::bytes;
  last_ = decode_anchor(image.value()).value();
  unsure_ = false;
  return success();
}

result<void> anchor_file::forget(std::uint64_t sequence, const ed25519_key& key) {
  return rewrite([&](std::size_t, std::span<const std::byte> image) {
    const auto it = decode_anchor(image);
    return !it || it.value().what.sequence > sequence || !it.value().by(key);
  });
}

template <class Keep> result<void> anchor_file::rewrite(Keep keep) {
  if (auto sure = make_sure(); !sure)
    return sure;
  const auto bytes = end_ > 0 ? read_file(disk_, anchors_name, end_) : std::vector<std::byte>{};
  if (!bytes)
    return bytes.error();
  std::vector<std::byte> kept;
  for (std::size_t i = 0; i < bytes.value().size() / anchor::bytes; ++i)
    if (const auto image = std::span{bytes.value()}.subspan(i * anchor::bytes, anchor::bytes); keep(i, image))
      kept.insert(kept.end(), image.begin(), image.end());
  if (kept.size() != end_)
    if (auto replaced = replace_file(disk_, anchors_name, kept); !replaced)
      return replaced;
  end_ = kept.size();
  unsure_ = false;
  return success();
}

} // namespace forerun::provenance
