#include "actors/common/recorder.hpp"
#include "actors/common/protocols.hpp"
#include <limits>

namespace forerun::actors {

namespace {

constexpr std::uint64_t joined_bytes_max = std::numeric_limits<std::uint32_t>::max();

/// True if `next` continues what `last` did; then `last` has both.
bool join(access& last, const access& next) {
  if (last.op != next.op || last.how != next.how || last.where.end() != next.where.first ||
      std::uint64_t{last.bytes} + next.bytes > joined_bytes_max)
    return false;
  last.where.count += next.where.count;
  last.bytes += next.bytes;
  last.latency = std::max(last.latency, next.latency);
  return true;
}

} // namespace

bool recorder::add(image_id image, access what) {
  if (clock_ == nullptr)
    return false;
  auto& entries = open_[image];
  if (!entries.empty() && join(entries.back(), what))
    return false;
  what.at = {clock_->wall().ns - (clock_->now() - what.arrived).count()};
  entries.push_back(what);
  if (++open_entries_ >= batch_max)
    hand_over();
  return open_entries_ == 1;
}

void recorder::hand_over() {
  for (auto& [image, entries] : std::exchange(open_, {})) {
    if (under_way_->load(std::memory_order_relaxed) + entries.size() > under_way_max) {
      left_out_ += entries.size();
      continue;
    }
    under_way_->fetch_add(entries.size(), std::memory_order_relaxed);
    record_batch what;
    what.who = std::make_shared<provenance::context>(
        provenance::context{.by = by_, .run = {}, .kind = element_kind::image_block, .space = image.value});
    what.entries = std::shared_ptr<const std::vector<access>>(
        new std::vector<access>(std::move(entries)), [count = under_way_](const std::vector<access>* done) {
          count->fetch_sub(done->size(), std::memory_order_relaxed);
          delete done;
        });
    what.left_out = std::exchange(left_out_, 0);
    others_->tell<provenance_actor>({role::provenance, 0}, std::move(what));
  }
  open_entries_ = 0;
}

} // namespace forerun::actors
