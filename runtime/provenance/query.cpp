#include "runtime/provenance/query.hpp"
#include <algorithm>

namespace forerun::provenance {

bool filter::wants(const block_header& header) const {
  return header.first_position + header.records > position_from && header.first_position < position_to &&
         header.time_max >= from && header.time_min <= to && header.element_max >= element_first &&
         header.element_min <= element_last;
}

bool filter::wants(const context& who) const {
  return (!kind || who.kind == *kind) && (!space || who.space == *space) && (!run || who.run == *run) &&
         (!vm || who.by.vm == *vm) && (!program || who.by.program == *program) &&
         (!user || who.by.user == *user);
}

bool filter::wants(const record& what) const {
  const auto last = what.where.first + std::max(what.where.count, 1u) - 1;
  return what.position >= position_from && what.position < position_to && what.at >= from && what.at <= to &&
         last >= element_first && what.where.first <= element_last &&
         (operations >> static_cast<unsigned>(what.op) & 1u) != 0;
}

filter of_element(element_kind kind, std::uint32_t space, std::uint64_t element, filter wanted) {
  wanted.kind = kind;
  wanted.space = space;
  wanted.element_first = wanted.element_last = element;
  return wanted;
}

filter all_matches(filter wanted) {
  wanted.records_max = std::numeric_limits<std::size_t>::max();
  return wanted;
}

result<bool> scanner::block(const block_header& header, std::span<const std::byte> payload) {
  if (go_on_ && !go_on_())
    return errc::cancelled;
  const auto behind = header.first_position + header.records;
  if (header.first_position >= wanted_.position_to)
    return false;
  if (!wanted_.wants(header)) {
    result_.next_position = std::max(result_.next_position, behind);
    return true;
  }
  if (result_.examined >= wanted_.examined_max) {
    result_.complete = false;
    result_.next_position = header.first_position;
    return false;
  }
  result_.examined += header.records;
  if (!decode_contexts(header, payload, decoded_.contexts)) {
    ++result_.damaged;
    return true;
  }
  std::vector<bool> wanted(decoded_.contexts.size());
  std::transform(decoded_.contexts.begin(), decoded_.contexts.end(), wanted.begin(),
                 [this](const context& who) { return wanted_.wants(who); });
  if (std::find(wanted.begin(), wanted.end(), true) == wanted.end()) {
    result_.next_position = behind;
    return true;
  }
  if (!decode_touching(header, payload, wanted, wanted_.element_first, wanted_.element_last, decoded_)) {
    ++result_.damaged;
    return true;
  }
  for (std::size_t i = 0; i < decoded_.records.size(); ++i) {
    const auto& what = decoded_.records[i];
    const auto index = decoded_.context_of[i];
    if (!wanted[index] || !wanted_.wants(what))
      continue;
    if (result_.matched == wanted_.records_max) {
      result_.complete = false;
      result_.next_position = what.position;
      return false;
    }
    ++result_.matched;
    if (!visit_(decoded_.contexts[index], what)) {
      result_.complete = false;
      result_.next_position = what.position + 1;
      return false;
    }
  }
  result_.next_position = behind;
  return true;
}

result<bool> scanner::segment(segment_reader& reader) {
  for (bool searching = false;;) {
    const auto found = searching ? reader.find_next() : reader.next();
    if (!found) {
      if (found.error() == errc::io_failed)
        return errc::io_failed;
      ++result_.damaged;
      searching = true;
      continue;
    }
    if (!found.value())
      return true;
    searching = false;
    const auto more = block(found.value()->header, found.value()->payload());
    if (!more || !more.value())
      return more;
  }
}

} // namespace forerun::provenance
