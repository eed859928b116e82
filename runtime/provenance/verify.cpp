#include "runtime/provenance/verify.hpp"

namespace forerun::provenance {
namespace {

/// Checks one segment; the fault, if any, is left in the report.
result<void> verify_segment(segment_reader& reader, chain& links, verification& report) {
  auto found = [&](fault_kind what, std::uint64_t offset) {
    report.first_fault = fault{what, reader.number(), offset, links.sequence};
  };
  const auto header = reader.header();
  if (!header) {
    if (header.error() != errc::corrupt)
      return header.error();
    found(fault_kind::header_damaged, 0);
    return success();
  }
  if (const auto wrong = links.follow(header.value(), reader.header_hash())) {
    found(*wrong, 0);
    return success();
  }
  ++report.segments;
  report.bytes += segment_header::bytes;
  report.head = links.head;
  for (;;) {
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
    if (const auto wrong = links.follow(*block.value())) {
      found(*wrong, at);
      return success();
    }
    ++report.blocks;
    report.bytes += block.value()->image.size();
    report.records += block.value()->header.records;
    report.head = links.head;
  }
}

} // namespace

result<verification> verify(disk& from, std::optional<log_end> end) {
  const auto numbers = segments_of(from);
  if (!numbers)
    return numbers.error();
  verification report;
  chain links;
  for (const auto number : numbers.value()) {
    if (end && (number > end->segment || (number == end->segment && end->offset == 0)))
      break;
    if (number != links.segment) {
      report.first_fault = fault{fault_kind::segment_missing, links.segment, 0, links.sequence};
      break;
    }
    auto reader = segment_reader::open(
        from, number, end && number == end->segment ? std::optional{end->offset} : std::nullopt);
    if (!reader)
      return reader.error();
    if (auto checked = verify_segment(reader.value(), links, report); !checked)
      return checked.error();
    if (report.first_fault)
      break;
  }
  return report;
}

} // namespace forerun::provenance
