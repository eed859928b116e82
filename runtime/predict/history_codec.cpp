#include "runtime/base/bytes.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/predict/history_library.hpp"
#include <algorithm>

namespace forerun::predict {
namespace {

constexpr std::uint32_t snapshot_magic = 0x48525246; // "FRRH"
constexpr std::uint16_t snapshot_version = 1;

} // namespace

std::vector<std::byte> history_library::save() const {
  std::vector<std::byte> bytes;
  byte_writer writer(bytes);
  writer.put(snapshot_magic);
  writer.put(snapshot_version);
  // Groups from the one matched longest ago to the latest, each with its runs from the oldest on: reading
  // them in this order restores both orders.
  std::vector<std::uint32_t> slots;
  for (std::uint32_t slot = 0; slot < groups_.size(); ++slot)
    if (groups_[slot].runs > 0)
      slots.push_back(slot);
  std::sort(slots.begin(), slots.end(),
            [this](auto a, auto b) { return groups_[a].matched < groups_[b].matched; });
  writer.put_varint(slots.size());
  for (const auto slot : slots) {
    const auto& label = groups_[slot].label;
    writer.put_varint(label.size());
    writer.put_bytes(std::as_bytes(std::span(label)));
    writer.put_varint(groups_[slot].runs);
    // Dropping a run keeps the order of the others, so they are sorted by age.
    for (const auto& run : runs_)
      if (run.slot == slot) {
        writer.put_varint(run.bytes.size());
        writer.put_bytes(run.bytes);
      }
  }
  writer.put(checksum(bytes));
  return bytes;
}

result<void> history_library::load(std::span<const std::byte> bytes) {
  constexpr std::size_t sum_bytes = sizeof(std::uint64_t);
  if (bytes.size() < sum_bytes || bytes.size() > limits_.snapshot_bytes_max)
    return errc::corrupt;
  const auto body = bytes.first(bytes.size() - sum_bytes);
  if (checksum(body) != get_number<std::uint64_t>(bytes.data() + body.size()))
    return errc::corrupt;
  byte_reader reader(body);
  if (reader.take<std::uint32_t>() != snapshot_magic)
    return errc::corrupt;
  if (reader.take<std::uint16_t>() != snapshot_version)
    return errc::unsupported;

  history_library fresh(limits_);
  const auto groups = reader.take_varint();
  if (groups > history_groups_max)
    return errc::corrupt;
  for (std::uint64_t at = 0; at < groups; ++at) {
    const auto label_size = reader.take_varint();
    if (label_size > label_bytes_max)
      return errc::corrupt;
    const auto label = reader.take_bytes(label_size);
    const auto runs = reader.take_varint();
    if (!reader.ok() || runs == 0 || runs > limits_.runs_max - std::min(limits_.runs_max, fresh.runs()))
      return errc::corrupt;
    const auto slot = fresh.free_slot();
    fresh.groups_[slot].label.assign(reinterpret_cast<const char*>(label.data()), label.size());
    for (std::uint64_t run = 0; run < runs; ++run) {
      const auto size = reader.take_varint();
      if (size > reader.left())
        return errc::corrupt;
      auto touches = decode_run(reader.take_bytes(size), limits_.run_blocks_max);
      if (!touches)
        return errc::corrupt;
      std::size_t blocks = 0;
      for (const auto& touched : touches.value())
        blocks += touched.where.count;
      if (blocks == 0)
        return errc::corrupt;
      fresh.put(touches.value(), blocks, slot);
      if (fresh.table_entries() > limits_.table_entries_max)
        return errc::corrupt;
    }
    fresh.matched(slot);
  }
  if (!reader.ok() || reader.left() > 0)
    return errc::corrupt;
  fresh.next_number_ += next_number_;
  for (auto& it : fresh.groups_)
    if (it.runs > 0)
      it.number += next_number_;
  fresh.version_ += version_;
  fresh.foreseen_ = foreseen_;
  *this = std::move(fresh);
  return success();
}

} // namespace forerun::predict
