#include "runtime/volume/device.hpp"
#include <algorithm>

/// What a device tells of the requests that it answered.
namespace forerun::volume {

namespace {

constexpr nanos batch_age_max = std::chrono::milliseconds{1};
/// Of a batch that holds repetition only. Each batch wakes several actors, which costs hot reads more than
/// anything else that is done for them here.
constexpr nanos repetition_age_max = std::chrono::milliseconds{64};

std::uint64_t changes_in(const access_batch& batch) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(batch.entries, [](const access& entry) { return entry.op != operation::read; }));
}

} // namespace

void device::answered(nbd::io_slot slot, const nbd::request& what, const nbd::answer& how, instant when) {
  auto& lane = lanes_[slot.value];
  if (what.kind == nbd::command::read) {
    --lane.reads_open;
    lane.last_answer = when;
  }
  if (config_.audit == audit_mode::off || what.kind == nbd::command::flush ||
      what.kind == nbd::command::cache)
    return;
  if (!lane.open) {
    // In strict mode requests that were taken while there was room are recorded all the same: they can add
    // at most as many batches as a client may have requests open.
    if (config_.audit != audit_mode::strict && !room(lane)) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    lane.open = std::shared_ptr<access_batch>(
        new access_batch, [count = lane.under_way, recorded = changes_, slot](access_batch* batch) {
          count->fetch_sub(batch->entries.size(), std::memory_order_relaxed);
          if (recorded)
            recorded->recorded(slot, changes_in(*batch));
          delete batch;
        });
    lane.open->volume = config_.id;
    lane.open->image = image_ ? image_->id : image_id{};
    lane.open->run = {run_.load(std::memory_order_relaxed)};
    lane.age_max = repetition_age_max;
    lane.opened = when;
    lane.opened_wall = clock_.wall();
  }
  auto& entry = lane.open->entries.emplace_back(describe(what));
  entry.think = think_before(lane, what);
  entry.at = {lane.opened_wall.ns + (what.arrived - lane.opened).count()};
  entry.latency = when - what.arrived;
  entry.how = how.how;
  entry.first_use_blocks = how.first_use_blocks;
  entry.written = how.written;
  if (!is_repetition(entry))
    lane.age_max = batch_age_max;
  if (lane.open->entries.size() >= access_batch_max)
    hand_over(lane);
}

access device::describe(const nbd::request& what) {
  access entry;
  entry.arrived = what.arrived;
  entry.where = blocks_touched(what.offset, what.length);
  entry.bytes = what.length;
  if (what.kind == nbd::command::write)
    entry.op = operation::write;
  else if (what.kind == nbd::command::trim || what.kind == nbd::command::write_zeroes)
    entry.op = operation::remove;
  return entry;
}

nanos device::think_before(const io_lane& lane, const nbd::request& what) {
  return what.kind == nbd::command::read && lane.thought_until == what.arrived ? lane.thought : nanos{0};
}

bool device::room(const io_lane& lane) const {
  return lane.open || lane.under_way->load(std::memory_order_relaxed) < entries_open_max;
}

void device::hand_over(io_lane& lane) {
  if (!lane.open)
    return;
  // Its entries count as under way until the last actor has let go of it.
  lane.under_way->fetch_add(lane.open->entries.size(), std::memory_order_relaxed);
  back_.observed(std::exchange(lane.open, nullptr));
}

bool device::turn_ended(nbd::io_slot slot, instant now) {
  readers_.leave(slot);
  auto& lane = lanes_[slot.value];
  if (lane.open && now - lane.opened >= lane.age_max)
    hand_over(lane);
  return lane.open != nullptr;
}

} // namespace forerun::volume
