#include "runtime/base/floor.hpp"
#include "runtime/provenance/aggregates.hpp"
#include "runtime/provenance/distinct.hpp"
#include "runtime/provenance/space_saving.hpp"
#include <map>

namespace forerun::provenance {
namespace {

/// The elements of records that a question counts, within its bounds.
class counted_elements {
public:
  explicit counted_elements(const filter& wanted) : wanted_(wanted) {}

  /// Calls `each(number, index)` with the wanted elements of a record, and the index of each in it.
  template <class Each> void visit(const record& what, Each each) {
    const auto first = std::max(what.where.first, wanted_.element_first);
    const auto last = std::min(what.where.first + std::max(what.where.count, 1u) - 1, wanted_.element_last);
    const auto count = std::min(last - first + 1, record_elements_max);
    if (last - first + 1 > count)
      ++left_out_;
    counted_ += count;
    for (auto number = first; number < first + count; ++number)
      each(number, number - what.where.first);
  }
  bool room() const { return counted_ < counted_elements_max; }
  std::uint64_t left_out() const { return left_out_; }

private:
  const filter& wanted_;
  std::uint64_t counted_ = 0;
  std::uint64_t left_out_ = 0;
};

std::uint64_t amount_of(const record& what, measure by) {
  switch (by) {
  case measure::records:
    break;
  case measure::bytes:
    return what.bytes;
  case measure::latency:
    return static_cast<std::uint64_t>(std::max<std::int64_t>(what.latency.count(), 0)) / 1000;
  }
  return 1;
}

/// The finalizer of MurmurHash3: every bit of `value` moves every bit of the result.
std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 33)) * 0xff51afd7ed558ccd;
  value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53;
  return value ^ (value >> 33);
}

} // namespace

result<top_answer> top(const record_source& from, const top_question& about) {
  if (about.counters < counters_min || about.counters > counters_max)
    return errc::invalid_argument;
  const auto wanted = all_matches(about.wanted);
  counted_elements elements{wanted};
  space_saving<element> most{about.counters};
  top_answer out;
  const auto scanned = from.scan(wanted, [&](const context& who, const record& what) {
    const auto amount = amount_of(what, about.by);
    // Of a record with three elements and eight bytes they have three, three and two.
    const auto parts = about.by == measure::records ? 1u : std::max(what.where.count, 1u);
    elements.visit(what, [&](std::uint64_t number, std::uint64_t index) {
      const auto share = amount / parts + (index < amount % parts ? 1 : 0);
      out.total += share;
      most.add({who.kind, who.space, number}, share);
    });
    return elements.room();
  });
  if (!scanned)
    return scanned.error();
  for (const auto& it : most.top(about.rows_max))
    out.rows.push_back({it.key, it.amount, it.over});
  out.others_max = most.others_max();
  out.seen = {scanned.value(), elements.left_out()};
  return out;
}

result<working_set_answer> working_set(const record_source& from, const working_set_question& about) {
  struct interval {
    distinct_sketch elements;
    working_set_row row;
  };
  const auto length = about.every.count();
  if (length <= 0)
    return errc::invalid_argument;
  const auto wanted = all_matches(about.wanted);
  counted_elements elements{wanted};
  std::map<std::int64_t, interval> intervals;
  auto latest = intervals.end();
  std::uint64_t left_out = 0;
  const auto scanned = from.scan(wanted, [&](const context& who, const record& what) {
    const auto number = floor_divided(what.at.ns, length);
    if (latest == intervals.end() || latest->first != number) {
      const auto found = intervals.find(number);
      if (found == intervals.end() && intervals.size() == intervals_max) {
        ++left_out;
        return true;
      }
      latest = found != intervals.end() ? found : intervals.try_emplace(number).first;
    }
    auto& [sketch, row] = latest->second;
    ++row.records;
    row.bytes += what.bytes;
    const auto place = mixed(std::uint64_t{who.space} << 8 | static_cast<std::uint8_t>(who.kind));
    elements.visit(what, [&, &into = sketch](std::uint64_t element, std::uint64_t) {
      into.add(mixed(mixed(element) + place));
    });
    return elements.room();
  });
  if (!scanned)
    return scanned.error();
  working_set_answer out;
  distinct_sketch all;
  for (auto& [number, it] : intervals) {
    // The first interval of all may begin before the first time that there is.
    if (__builtin_mul_overflow(number, length, &it.row.from.ns))
      it.row.from.ns = std::numeric_limits<std::int64_t>::min();
    it.row.elements = it.elements.count();
    out.rows.push_back(it.row);
    all.add(it.elements);
  }
  out.elements = all.count();
  out.seen = {scanned.value(), left_out + elements.left_out()};
  return out;
}

} // namespace forerun::provenance
