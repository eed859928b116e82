#include "runtime/predict/mix_pending.hpp"

namespace forerun::predict {

mix_pending::entry& mix_pending::add(std::uint64_t block, std::uint32_t request, std::uint32_t insertion) {
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  slots_.emplace(block, slot);
  for (auto* queue : {&by_age_, &open_}) {
    // Most entries are settled in a short time: without this their tickets would pile up behind an old one.
    if (queue->size() >= 2 * entries_max_) {
      std::deque<ticket> alive;
      for (const auto& one : *queue)
        if (const auto& of = entries_[one.slot];
            of.used && of.block == one.block && of.request == one.request)
          alive.push_back(one);
      *queue = std::move(alive);
    }
    queue->push_back({slot, request, block});
  }
  auto& one = entries_[slot];
  one = {};
  one.block = block;
  one.request = request;
  one.insertion = insertion;
  one.used = true;
  return one;
}

void mix_pending::remove(entry& one) {
  slots_.erase(one.block);
  one.used = false;
  free_.push_back(static_cast<std::uint32_t>(&one - entries_.data()));
}

mix_pending::entry* mix_pending::front(std::deque<ticket>& queue) {
  for (; !queue.empty(); queue.pop_front()) {
    const auto& first = queue.front();
    auto& one = entries_[first.slot];
    if (one.used && one.block == first.block && one.request == first.request &&
        !(&queue == &open_ && one.provisional))
      return &one;
  }
  return nullptr;
}

std::size_t mix_pending::memory_bytes() const {
  return entries_.capacity() * sizeof(entry) + free_.capacity() * sizeof(std::uint32_t) +
         slots_.capacity() * 17 + (by_age_.size() + open_.size()) * sizeof(ticket);
}

} // namespace forerun::predict
