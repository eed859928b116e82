#include "runtime/cache/ghost.hpp"
#include <algorithm>
#include <bit>

namespace forerun::cache {

void ghost::add(cache_key key, std::size_t keys) {
  const auto wanted = std::bit_ceil(std::max(keys / places, buckets_min));
  if (wanted > buckets_.size())
    buckets_.assign(wanted, {});
  if (++evictions_ == 0)
    evictions_ = 1;
  const auto hash = mix_bits(key.value);
  const auto fingerprint = static_cast<std::uint32_t>(hash);
  auto& home = of(hash);
  auto age = [this](const place& it) { return it.number == 0 ? ~std::uint32_t{0} : evictions_ - it.number; };
  auto* into = &home[0];
  for (auto& it : home) {
    if (it.number != 0 && it.fingerprint == fingerprint) {
      into = &it;
      break;
    }
    if (age(it) > age(*into))
      into = &it;
  }
  *into = {fingerprint, evictions_};
}

bool ghost::take(cache_key key, std::size_t keys) {
  if (buckets_.empty())
    return false;
  const auto hash = mix_bits(key.value);
  for (auto& it : of(hash)) {
    if (it.number != 0 && it.fingerprint == static_cast<std::uint32_t>(hash)) {
      const bool recent = evictions_ - it.number < keys;
      it = {};
      return recent;
    }
  }
  return false;
}

} // namespace forerun::cache
