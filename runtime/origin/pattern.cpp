#include "runtime/origin/pattern.hpp"
#include <algorithm>
#include <array>

namespace forerun::origin {

void pattern_bytes(std::uint64_t seed, std::uint64_t offset, std::span<std::byte> into) {
  while (!into.empty()) {
    const auto inside = static_cast<std::size_t>(offset % block_bytes);
    const auto count = std::min<std::size_t>(block_bytes - inside, into.size());
    if (count == block_bytes) {
      pattern_block(seed, offset / block_bytes, into.first<block_bytes>());
    } else {
      std::array<std::byte, block_bytes> whole;
      pattern_block(seed, offset / block_bytes, whole);
      std::copy_n(whole.begin() + inside, count, into.begin());
    }
    offset += count;
    into = into.subspan(count);
  }
}

pattern_source::pattern_source(std::uint64_t bytes, std::uint64_t seed)
    : about_{bytes, "pattern-1 seed=" + std::to_string(seed)}, seed_(seed) {
}

void pattern_source::read(std::uint64_t offset, std::uint32_t length, priority how, done then) {
  auto job = [this, offset, length, then](bool cancelled) {
    if (cancelled)
      return then(errc::cancelled);
    auto data = std::make_shared<std::vector<std::byte>>(length);
    pattern_bytes(seed_, offset, *data);
    then(std::move(data));
  };
  if (!workers_.post(how, std::move(job)))
    then(errc::overloaded);
}

} // namespace forerun::origin
