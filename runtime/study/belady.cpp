#include "runtime/study/belady.hpp"
#include <algorithm>

namespace forerun::study {

void belady::push(candidate one) {
  if (heap_.size() > 4 * size_ + 1024) {
    std::erase_if(heap_, [this](const candidate& each) {
      const auto at = known_.find(each.key);
      return at == known_.end() || !at->second.here || at->second.next != each.next;
    });
    std::make_heap(heap_.begin(), heap_.end());
  }
  heap_.push_back(one);
  std::push_heap(heap_.begin(), heap_.end());
}

void belady::coming(cache::cache_key key, std::uint64_t next) {
  auto& what = known_[key.value];
  what.next = next;
  if (what.here)
    push({next, key.value});
}

void belady::admit(cache::cache_key key, cache::admit_kind) {
  auto& what = known_[key.value];
  if (what.here)
    return;
  what.here = true;
  ++size_;
  push({what.next, key.value});
}

void belady::removed(cache::cache_key key) {
  const auto at = known_.find(key.value);
  if (at == known_.end() || !at->second.here)
    return;
  known_.erase(at);
  --size_;
}

std::optional<cache::cache_key> belady::victim(instant) {
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end());
    const auto last = heap_.back();
    heap_.pop_back();
    const auto at = known_.find(last.key);
    if (at == known_.end() || !at->second.here || at->second.next != last.next)
      continue;
    known_.erase(at);
    --size_;
    return cache::cache_key{last.key};
  }
  return std::nullopt;
}

bool belady::contains(cache::cache_key key) const {
  const auto at = known_.find(key.value);
  return at != known_.end() && at->second.here;
}

std::size_t belady::memory_bytes() const {
  return known_.capacity() * (sizeof(std::uint64_t) + sizeof(known) + 1) +
         heap_.capacity() * sizeof(candidate);
}

} // namespace forerun::study
