#include "runtime/provenance/custody.hpp"
#include "runtime/provenance/anchor_check.hpp"
#include <algorithm>

namespace forerun::provenance {
namespace {

/// Follows one segment to its end or to the first place that does not hold.
result<void> follow(segment_reader& reader, chain& links, anchor_check& anchors, dropped_segment& it) {
  const auto header = reader.header();
  if (!header) {
    if (header.error() != errc::corrupt)
      return header.error();
    it.damage = fault_kind::header_damaged;
    return success();
  }
  it.damage = links.follow(header.value(), reader.header_hash());
  if (it.damage)
    links.resume(header.value(), reader.header_hash());
  for (;;) {
    if (!anchors.pass(links) && !it.damage)
      it.damage = fault_kind::anchor_mismatch;
    const auto block = reader.next();
    if (!block) {
      if (block.error() != errc::corrupt)
        return block.error();
      it.damage = it.damage.value_or(fault_kind::block_damaged);
      return success();
    }
    if (!block.value())
      return success();
    const auto& found = block.value()->header;
    if (const auto wrong = links.follow(*block.value(), reader.hash(*block.value()))) {
      it.damage = it.damage.value_or(*wrong);
      return success();
    }
    it.first = it.records > 0 ? std::min(it.first, found.time_min) : found.time_min;
    it.last = it.records > 0 ? std::max(it.last, found.time_max) : found.time_max;
    it.records += found.records;
  }
}

} // namespace

std::optional<ed25519_key> custody::key() const {
  return signer_ != nullptr ? std::optional{signer_->key()} : std::nullopt;
}

result<void> custody::open() {
  if (auto removed = remove_unfinished(disk_, summary_name); !removed)
    return removed;
  if (auto opened = anchors_.open(); !opened)
    return opened;
  if (anchors_.damaged())
    fault_ = fault_kind::anchor_invalid;
  auto found = read_summary(disk_, key());
  if (!found && found.error() != errc::corrupt)
    return found.error();
  if (!found)
    fault_ = fault_kind::summary_invalid;
  else if (found.value())
    dropped_ = std::move(found.value()->what);
  return remove_covered();
}

result<void> custody::remove_covered() {
  const auto numbers = segments_of(disk_);
  if (!numbers)
    return numbers.error();
  bool removed_any = false;
  for (const auto number : numbers.value()) {
    if (!dropped_ || number >= dropped_->kept.segment)
      break;
    for (const auto& name : {segment_name(number), index_name(number)})
      if (auto removed = disk_.remove(name); !removed && removed.error() != errc::not_found)
        return removed;
    removed_any = true;
  }
  return removed_any ? disk_.sync_names() : result<void>{success()};
}

result<void> custody::set_anchor(const chain& links) {
  if (signer_ == nullptr)
    return errc::unavailable;
  const auto& last = anchors_.last();
  if (links.sequence == 0 || (last && last->what.head == links.head && last->by(signer_->key())))
    return success();
  return anchors_.add({clock_.wall(), links.sequence, links.position, links.head}, *signer_);
}

result<void> custody::survey(std::uint32_t number, summary& to, anchor_check& anchors) {
  auto reader = segment_reader::open(disk_, number);
  if (!reader)
    return reader.error();
  dropped_segment it{.number = number, .bytes = reader.value().end()};
  auto links = to.kept;
  anchors.begin(links);
  if (auto followed = follow(reader.value(), links, anchors, it); !followed)
    return followed;
  it.head = links.head;
  links.segment = number + 1;
  // Behind damage the next segment says itself where the chain goes on, as it did when it was begun.
  if (it.damage)
    if (auto next = segment_reader::open(disk_, number + 1))
      if (const auto header = next.value().header()) {
        links.head = header.value().predecessor;
        links.sequence = header.value().first_sequence;
        links.position = header.value().first_position;
      }
  to.kept = links;
  to.add(it);
  return success();
}

result<void> custody::drop(std::span<const std::uint32_t> numbers) {
  if (signer_ == nullptr)
    return errc::unavailable;
  if (fault_ == fault_kind::summary_invalid)
    return errc::corrupt;
  if (auto removed = remove_covered(); !removed)
    return removed;
  // What an attempt before could not remove was among them, and is gone now.
  while (dropped_ && !numbers.empty() && numbers.front() < dropped_->kept.segment)
    numbers = numbers.subspan(1);
  if (numbers.empty())
    return success();
  auto found = anchors_of(disk_, anchors_.count());
  if (!found)
    return found.error();
  anchor_check anchors{std::move(found.value()), key()};
  auto next = dropped_.value_or(summary{});
  next.written = clock_.wall();
  for (const auto number : numbers)
    if (auto seen = survey(number, next, anchors); !seen)
      return seen;
  const auto image = encode(next, *signer_);
  if (!image)
    return image.error();
  if (auto replaced = replace_file(disk_, summary_name, image.value()); !replaced)
    return replaced;
  dropped_ = std::move(next);
  if (auto removed = remove_covered(); !removed)
    return removed;
  return anchors_.forget(dropped_->kept.sequence, signer_->key());
}

} // namespace forerun::provenance
