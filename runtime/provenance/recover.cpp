#include "runtime/provenance/log.hpp"
#include <algorithm>

namespace forerun::provenance {
namespace {

/// The last segment, read to its end.
struct tail {
  chain links;
  std::uint64_t end = 0;      ///< Behind the last good block.
  std::uint64_t file_end = 0; ///< Length of the file.
  wall_time latest{std::numeric_limits<std::int64_t>::min()};
  std::optional<fault> broken; ///< What stands at `end`, if it is not the end of the file.
  bool synced = false;         ///< It had been on stable storage: not a crash, but damage.
};

/// Looks behind a place that does not hold. A crash loses only what no sync had reached; a later block says
/// how much one had. Leaves the chain behind the last intact block.
result<void> look_behind(segment_reader& reader, tail& it) {
  const auto expected = it.links.sequence;
  for (;;) {
    const auto found = reader.find_next();
    if (!found)
      return found.error();
    if (!found.value())
      return success();
    const auto& block = *found.value();
    it.synced |= block.header.durable > expected;
    if (block.header.sequence >= it.links.sequence)
      it.links.resume(block, sha256(block.image));
  }
}

result<tail> read_tail(segment_reader& reader, const segment_header& header) {
  tail it;
  it.file_end = reader.end();
  it.links.resume(header, reader.header_hash());
  for (;;) {
    it.end = reader.offset();
    const auto block = reader.next();
    if (block && !block.value())
      return it;
    std::optional<fault_kind> wrong = fault_kind::block_damaged;
    if (block)
      wrong = it.links.follow(*block.value(), reader.hash(*block.value()));
    else if (block.error() != errc::corrupt)
      return block.error();
    if (!wrong) {
      it.latest = std::max(it.latest, block.value()->header.time_max);
      continue;
    }
    it.broken = fault{*wrong, reader.number(), it.end, it.links.sequence};
    if (block) {
      // Intact, yet in the wrong place: no crash does that.
      it.synced = true;
      it.links.resume(*block.value(), reader.hash(*block.value()));
    }
    const auto before = it.links;
    if (auto looked = look_behind(reader, it); !looked)
      return looked.error();
    if (!it.synced)
      it.links = before;
    return it;
  }
}

} // namespace

result<void> log::recover() {
  if (auto opened = custody_.open(); !opened)
    return opened;
  recovered_.witness = custody_.fault();
  if (const auto& dropped = custody_.dropped())
    sealed_ = dropped->kept;
  auto numbers = segments_of(disk_);
  if (!numbers)
    return numbers.error();
  auto& left = numbers.value();
  bool found = false;
  for (; !left.empty() && !found; left.pop_back()) {
    recovered_.segments = std::max(recovered_.segments, static_cast<std::uint32_t>(left.size()));
    auto took = recover_segment(left.back());
    if (!took)
      return took.error();
    found = took.value();
  }
  // A segment that was kept is durable before those before it are dropped.
  if (const auto& dropped = custody_.dropped(); dropped && !found && !recovered_.damage)
    recovered_.damage = fault{fault_kind::segment_missing, dropped->kept.segment, 0, dropped->kept.sequence};
  compare_with_anchor();
  if (recovered_.damage) {
    next_flags_ = segment_header::flag_after_damage;
    sealed_.segment = recovered_.damage->segment + 1;
  }
  // No log gets so far; going on behind it, this one would soon write what no reader takes.
  if (sealed_.sequence > count_max / 2 || sealed_.position > count_max / 2)
    return errc::corrupt;
  recovered_.records = sealed_.position;
  written_blocks_ = durable_blocks_ = sealed_.sequence;
  written_records_ = durable_records_ = sealed_.position;
  auto present = segments_of(disk_);
  if (present)
    indexes_.open(present.value(), file_ ? written_end_ : 0);
  return success();
}

/// What was anchored was durable: a log that ends before was cut short.
void log::compare_with_anchor() {
  const auto& last = custody_.last_anchor();
  if (recovered_.damage || !last || last->what.sequence <= sealed_.sequence ||
      !last->by(custody_.key().value_or(last->key)))
    return;
  recovered_.damage = fault{fault_kind::anchor_mismatch, file_ ? file_number_ : sealed_.segment, sealed_end_,
                            sealed_.sequence};
  file_.reset();
  begin_segment_ = true;
}

result<bool> log::recover_segment(std::uint32_t number) {
  // Opened first, so that the reader sees what is stored: a sync of the process before may have failed.
  auto file = disk_.open(segment_name(number), false);
  if (!file)
    return file.error();
  auto reader = segment_reader::open(disk_, number);
  if (!reader)
    return reader.error();
  const auto header = reader.value().header();
  if (!header) {
    if (header.error() != errc::corrupt)
      return header.error();
    if (reader.value().end() <= segment_header::bytes)
      return remove_unborn(number, reader.value().end());
    return take_headless(reader.value());
  }
  auto last = read_tail(reader.value(), header.value());
  if (!last)
    return last.error();
  const auto& it = last.value();
  sealed_ = it.links;
  builder_.continue_after(it.latest);
  if (recovered_.damage)
    return true; // A later segment is damaged: this one only says where the chain was.
  if (it.broken && it.synced) {
    recovered_.damage = it.broken;
    return true;
  }
  if (it.broken) {
    recovered_.bytes_cut += it.file_end - it.end;
    if (auto cut = file.value()->resize(it.end); !cut)
      return cut.error();
  }
  // What the process wrote before it ended may still be on its way to the disk.
  if (auto synced = file.value()->sync_data(); !synced)
    return synced.error();
  file_ = std::move(file.value());
  file_number_ = number;
  segment_began_ = header.value().created;
  sealed_end_ = written_end_ = durable_end_ = it.end;
  begin_segment_ = false;
  return true;
}

result<bool> log::remove_unborn(std::uint32_t number, std::uint64_t length) {
  // The header was not durable, so no block was ever written here: the segment before is the last.
  if (auto removed = disk_.remove(segment_name(number)); !removed)
    return removed.error();
  if (auto synced = disk_.sync_names(); !synced)
    return synced.error();
  recovered_.bytes_cut += length;
  return false;
}

result<bool> log::take_headless(segment_reader& reader) {
  // Blocks are only written behind a durable header: this one was damaged later. The chain goes on behind the
  // last block that is left, or behind the segment before.
  if (!recovered_.damage)
    recovered_.damage = fault{fault_kind::header_damaged, reader.number(), 0, 0};
  bool found = false;
  for (;;) {
    auto block = reader.next();
    if (!block && block.error() != errc::io_failed)
      block = reader.find_next();
    if (!block)
      return block.error();
    if (!block.value())
      return found;
    sealed_.resume(*block.value(), sha256(block.value()->image));
    found = true;
  }
}

} // namespace forerun::provenance
