#include "runtime/provenance/verify.hpp"
#include "runtime/provenance/anchor_check.hpp"
#include <algorithm>

namespace forerun::provenance {
namespace {

/// Checks one segment; the fault, if any, is left in the report.
result<void> verify_segment(segment_reader& reader, chain& links, anchor_check& anchors,
                            const still_wanted& wanted, verification& report) {
  auto found = [&](fault_kind what, std::uint64_t offset) {
    report.first_fault = fault{what, reader.number(), offset,
                               what == fault_kind::anchor_mismatch ? anchors.sequence() : links.sequence};
  };
  const auto header = reader.header();
  if (!header) {
    if (header.error() != errc::corrupt)
      return header.error();
    found(fault_kind::header_damaged, 0);
    return success();
  }
  auto wrong = links.follow(header.value(), reader.header_hash());
  if (!wrong && !anchors.pass(links))
    wrong = fault_kind::anchor_mismatch;
  if (wrong) {
    found(*wrong, 0);
    return success();
  }
  ++report.segments;
  report.bytes += segment_header::bytes;
  report.head = links.head;
  for (;;) {
    if (wanted && !wanted())
      return errc::cancelled;
    const auto at = reader.offset();
    const auto block = reader.next();
    if (!block) {
      if (block.error() != errc::corrupt)
        return block.error();
      found(fault_kind::block_damaged, at);
      return success();
    }
    if (!block.value())
      return success();
    wrong = links.follow(*block.value(), reader.hash(*block.value()));
    if (!wrong && !anchors.pass(links))
      wrong = fault_kind::anchor_mismatch;
    if (wrong) {
      found(*wrong, at);
      return success();
    }
    ++report.blocks;
    report.bytes += block.value()->image.size();
    report.records += block.value()->header.records;
    report.head = links.head;
  }
}

/// Follows the chain through all segments from where it begins.
result<void> verify_chain(disk& from, const std::optional<log_end>& end, chain& links, anchor_check& anchors,
                          const still_wanted& wanted, verification& report) {
  const auto numbers = segments_of(from);
  if (!numbers)
    return numbers.error();
  const auto first = links.segment;
  std::uint64_t last_end = 0;
  for (const auto number : numbers.value()) {
    if (number < first)
      continue; // The summary covers it; a crash came before it was removed.
    if (end && (number > end->segment || (number == end->segment && end->offset == 0)))
      break;
    if (number != links.segment) {
      report.first_fault = fault{fault_kind::segment_missing, links.segment, 0, links.sequence};
      return success();
    }
    auto reader = segment_reader::open(
        from, number, end && number == end->segment ? std::optional{end->offset} : std::nullopt);
    if (!reader)
      return reader.error();
    if (auto checked = verify_segment(reader.value(), links, anchors, wanted, report); !checked)
      return checked.error();
    if (report.first_fault)
      return success();
    last_end = reader.value().end();
  }
  if (first > 0 && links.segment == first)
    report.first_fault = fault{fault_kind::segment_missing, first, 0, links.sequence};
  else if (!anchors.end())
    report.first_fault =
        fault{fault_kind::anchor_mismatch, std::max(links.segment, 1u) - 1, last_end, anchors.sequence()};
  else if (const auto invalid = anchors.invalid())
    report.first_fault = fault{fault_kind::anchor_invalid, 0, *invalid, 0};
  return success();
}

} // namespace

result<verification> verify(disk& from, std::optional<log_end> end, const expectation& held_to,
                            const still_wanted& wanted) {
  verification report;
  report.key = held_to.key;
  chain links;
  const auto past = read_summary(from, held_to.key);
  if (!past && past.error() != errc::corrupt)
    return past.error();
  if (!past) {
    report.first_fault = fault{fault_kind::summary_invalid, 0, 0, 0};
    return report;
  }
  if (const auto& it = past.value()) {
    links = it->what.kept;
    report.key = it->key;
    report.dropped = it->what.totals;
    report.head = links.head;
  }
  auto found = anchors_of(from, held_to.anchors);
  if (!found)
    return found.error();
  anchor_check anchors{std::move(found.value()), report.key};
  anchors.begin(links);
  if (auto checked = verify_chain(from, end, links, anchors, wanted, report); !checked)
    return checked.error();
  report.key = anchors.key();
  report.anchors = anchors.passed();
  report.last_anchor = anchors.last();
  return report;
}

} // namespace forerun::provenance
