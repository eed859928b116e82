#include "runtime/replay/expected.hpp"
#include "runtime/origin/pattern.hpp"
#include <algorithm>
#include <cstring>

namespace forerun::replay {

void verified::add(const verified& more) {
  if (mismatches == 0)
    first_bad = more.first_bad;
  blocks += more.blocks;
  mismatches += more.mismatches;
  unknown += more.unknown;
}

expected_volume::expected_volume(block_content base, std::uint64_t seed)
    : base_(std::move(base)), seed_(seed) {
}

void expected_volume::write(std::uint64_t offset, std::span<std::byte> data) {
  ++last_;
  mark(offset, data.size(), last_);
  origin::pattern_bytes(seed_ + last_, offset, data);
}

void expected_volume::zero(std::uint64_t offset, std::uint64_t length) {
  mark(offset, length, of_zero);
}

void expected_volume::trim(std::uint64_t offset, std::uint64_t length) {
  mark(offset, length, of_trim);
}

void expected_volume::mark(std::uint64_t offset, std::uint64_t length, std::uint32_t number) {
  const auto end = offset + length;
  for (auto at = offset; at < end; at += sector_bytes)
    touched_[at / block_bytes][at % block_bytes / sector_bytes] = number;
}

bool expected_volume::untouched(std::uint64_t block) const {
  const auto at = touched_.find(block);
  return at == touched_.end() || std::find(at->second.begin(), at->second.end(), of_base) != at->second.end();
}

verified expected_volume::compare(std::uint64_t offset, std::span<const std::byte> data) const {
  verified found;
  while (!data.empty()) {
    const auto block = offset / block_bytes;
    const auto from = static_cast<std::size_t>(offset % block_bytes);
    const auto count = std::min<std::size_t>(block_bytes - from, data.size());
    bool whole = true;
    if (!same(block, from, data.first(count), whole)) {
      if (found.mismatches++ == 0)
        found.first_bad = block;
      ++found.blocks;
    } else {
      ++(whole ? found.blocks : found.unknown);
    }
    offset += count;
    data = data.subspan(count);
  }
  return found;
}

/// Clears `whole` when a part of it could not be compared.
bool expected_volume::same(std::uint64_t block, std::size_t from, std::span<const std::byte> part,
                           bool& whole) const {
  std::array<std::byte, block_bytes> content;
  const auto at = touched_.find(block);
  if (at == touched_.end()) {
    whole = base_ != nullptr;
    if (whole)
      base_(block, content);
    return !whole || std::memcmp(content.data() + from, part.data(), part.size()) == 0;
  }
  while (!part.empty()) {
    const auto count = std::min<std::size_t>(sector_bytes - from % sector_bytes, part.size());
    const auto number = at->second[from / sector_bytes];
    if (number == of_trim || (number == of_base && !base_)) {
      whole = false;
    } else {
      if (number == of_base)
        base_(block, content);
      else if (number == of_zero)
        content.fill(std::byte{0});
      else
        origin::pattern_block(seed_ + number, block, content);
      if (std::memcmp(content.data() + from, part.data(), count) != 0)
        return false;
    }
    from += count;
    part = part.subspan(count);
  }
  return true;
}

} // namespace forerun::replay
