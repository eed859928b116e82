#include "runtime/sim/sim_inode.hpp"
#include <algorithm>
#include <cstring>

namespace forerun::sim {

namespace {

std::uint64_t sector_of(std::uint64_t offset) {
  return offset / sector_bytes;
}

/// Calls `visit(sector, first byte in it, bytes)` for each sector of a range.
template <class Visit> void each_sector(std::uint64_t offset, std::uint64_t length, Visit visit) {
  while (length > 0) {
    const auto from = offset % sector_bytes;
    const auto bytes = std::min<std::uint64_t>(length, sector_bytes - from);
    visit(sector_of(offset), from, bytes);
    offset += bytes;
    length -= bytes;
  }
}

} // namespace

void inode::put(sectors& into, std::uint64_t at, sector what) {
  if (what)
    into[at] = std::move(what);
  else
    into.erase(at);
}

sector inode::get(const sectors& from, std::uint64_t at) {
  const auto found = from.find(at);
  return found == from.end() ? nullptr : found->second;
}

void inode::change(std::uint64_t at, sector what) {
  pending_[at].push_back(what);
  put(now_, at, std::move(what));
}

void inode::change_size(std::uint64_t size) {
  size_ = size;
  pending_sizes_.push_back(size);
}

std::uint64_t inode::holes_in(std::uint64_t offset, std::uint64_t length) const {
  std::uint64_t holes = 0;
  each_sector(offset, length, [&](auto at, auto, auto) { holes += !now_.contains(at); });
  return holes;
}

std::size_t inode::read(std::uint64_t offset, std::span<std::byte> into) const {
  if (offset >= size_)
    return 0;
  const auto length = std::min<std::uint64_t>(into.size(), size_ - offset);
  auto* out = into.data();
  each_sector(offset, length, [&](auto at, auto from, auto bytes) {
    if (const auto found = get(now_, at))
      std::memcpy(out, found->data() + from, bytes);
    else
      std::memset(out, 0, bytes);
    out += bytes;
  });
  return length;
}

void inode::write(std::uint64_t offset, std::span<const std::byte> data) {
  if (data.empty())
    return;
  const auto* in = data.data();
  each_sector(offset, data.size(), [&](auto at, auto from, auto bytes) {
    auto fresh = std::make_shared<std::array<std::byte, sector_bytes>>();
    if (const auto old = get(now_, at))
      *fresh = *old;
    std::memcpy(fresh->data() + from, in, bytes);
    change(at, std::move(fresh));
    in += bytes;
  });
  if (offset + data.size() > size_)
    change_size(offset + data.size());
}

void inode::write_torn(std::uint64_t offset, std::span<const std::byte> data, dice& chance) {
  std::size_t done = 0;
  each_sector(offset, data.size(), [&](auto at, auto from, auto bytes) {
    if (chance.one_in(2))
      write(at * sector_bytes + from, data.subspan(done, bytes));
    done += bytes;
  });
}

void inode::punch(std::uint64_t offset, std::uint64_t length) {
  if (offset >= size_)
    return;
  each_sector(offset, std::min(length, size_ - offset), [&](auto at, auto from, auto bytes) {
    const auto old = get(now_, at);
    if (!old)
      return;
    if (bytes == sector_bytes)
      return change(at, nullptr);
    auto fresh = std::make_shared<std::array<std::byte, sector_bytes>>(*old);
    std::memset(fresh->data() + from, 0, bytes);
    change(at, std::move(fresh));
  });
}

void inode::resize(std::uint64_t length) {
  if (length < size_) {
    if (const auto rest = length % sector_bytes; rest != 0)
      punch(length, std::min<std::uint64_t>(sector_bytes - rest, size_ - length));
    std::vector<std::uint64_t> gone;
    for (auto at = now_.lower_bound(sector_of(length + sector_bytes - 1)); at != now_.end(); ++at)
      gone.push_back(at->first);
    for (const auto at : gone)
      change(at, nullptr);
  }
  change_size(length);
}

void inode::sync() {
  for (auto& [at, versions] : pending_)
    put(stable_, at, versions.back());
  pending_.clear();
  stable_size_ = size_;
  pending_sizes_.clear();
}

void inode::settle(dice& chance) {
  for (auto& [at, versions] : pending_)
    if (const auto pick = chance.below(versions.size() + 1); pick > 0)
      put(stable_, at, versions[pick - 1]);
  pending_.clear();
  if (const auto pick = chance.below(pending_sizes_.size() + 1); pick > 0)
    stable_size_ = pending_sizes_[pick - 1];
  pending_sizes_.clear();
}

void inode::sync_badly(dice& chance) {
  settle(chance);
}

void inode::reopened() {
  now_ = stable_;
  for (const auto& [at, versions] : pending_)
    put(now_, at, versions.back());
}

bool inode::damage(std::uint64_t offset) {
  if (offset >= size_)
    return false;
  const auto at = sector_of(offset);
  for (auto* side : {&now_, &stable_}) {
    auto fresh = std::make_shared<std::array<std::byte, sector_bytes>>();
    if (const auto old = get(*side, at))
      *fresh = *old;
    (*fresh)[offset % sector_bytes] ^= std::byte{0x5a};
    put(*side, at, std::move(fresh));
  }
  return true;
}

inode inode::crashed(dice& chance) const {
  inode left = *this;
  left.settle(chance);
  left.now_ = left.stable_;
  // What lies past the end is gone: should the file grow again, it reads as zeroes.
  left.size_ = ~std::uint64_t{0};
  left.resize(left.stable_size_);
  left.sync();
  return left;
}

} // namespace forerun::sim
