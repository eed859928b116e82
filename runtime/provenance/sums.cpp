#include "runtime/base/floor.hpp"
#include "runtime/provenance/log_view.hpp"
#include <algorithm>
#include <limits>
#include <map>

namespace forerun::provenance {
namespace {

auto order(const rollup_row& it) {
  return std::tie(it.unit, it.who.by.vm, it.who.by.program, it.who.by.user, it.who.kind, it.who.space, it.op);
}
struct before {
  bool operator()(const rollup_row& a, const rollup_row& b) const { return order(a) < order(b); }
};

} // namespace

/// Adds up what one question is about.
class summing {
public:
  summing(const log_view& view, const sum_question& about)
      : view_(view), about_(about), first_(floor_divided(about.wanted.from.ns, minute_ns)),
        last_(floor_divided(about.wanted.to.ns, minute_ns)) {
    using limits = std::numeric_limits<std::int64_t>;
    // Hours do where no hour is cut.
    by_hour_ = about.unit != time_unit::minute &&
               (about.wanted.from.ns == limits::min() || first_ % minutes_an_hour == 0) &&
               (about.wanted.to.ns == limits::max() || (last_ + 1) % minutes_an_hour == 0);
    if (by_hour_) {
      first_ = floor_divided(first_, minutes_an_hour);
      last_ = floor_divided(last_, minutes_an_hour);
    }
  }

  result<sum_answer> run() {
    auto numbers = view_.segments();
    if (!numbers)
      return numbers.error();
    // Sealed, and not on disk yet.
    for (const auto& it : view_.indexes_)
      if (numbers.value().empty() || it->number > numbers.value().back())
        numbers.value().push_back(it->number);
    bool all_sealed = true;
    for (const auto number : numbers.value()) {
      const auto known = view_.index_of(number);
      if (const auto rows = known ? rows_of(*known) : std::nullopt) {
        for (const auto& it : *rows)
          add(it);
        continue;
      }
      all_sealed &= number < view_.end_.segment;
      if (auto read = read_segment(number); !read)
        return read.error();
    }
    if (auto read = read_memory(all_sealed ? view_.sealed_ : 0); !read)
      return read.error();
    for (const auto& [row, sum] : sums_) {
      answer_.rows.push_back(row);
      answer_.rows.back().sum = sum;
    }
    return std::move(answer_);
  }

private:
  std::optional<std::vector<rollup_row>> rows_of(const segment_index& known) const {
    const auto& packed = by_hour_ ? known.hours : known.minutes;
    if (!packed)
      return std::nullopt;
    auto rows = unpack_rollup(*packed);
    return rows ? std::optional{std::move(rows.value())} : std::nullopt;
  }

  void add(const rollup_row& it) {
    const auto& wanted = about_.wanted;
    if (it.unit < first_ || it.unit > last_ || !wanted.wants(it.who) ||
        (wanted.operations >> static_cast<unsigned>(it.op) & 1u) == 0)
      return;
    rollup_row key;
    if (about_.unit != time_unit::all)
      key.unit =
          about_.unit == time_unit::hour && !by_hour_ ? floor_divided(it.unit, minutes_an_hour) : it.unit;
    if (about_.by_vm)
      key.who.by.vm = it.who.by.vm;
    if (about_.by_program)
      key.who.by.program = it.who.by.program;
    if (about_.by_user)
      key.who.by.user = it.who.by.user;
    if (about_.by_space) {
      key.who.kind = it.who.kind;
      key.who.space = it.who.space;
    }
    if (about_.by_operation)
      key.op = it.op;
    if (sums_.size() >= about_.rows_max && !sums_.contains(key))
      answer_.complete = false;
    else
      sums_[key].add(it.sum);
  }

  visitor each_record() {
    return [this](const context& who, const record& what) {
      block_sums sums;
      sums.add(0, std::span<const record>{&what, 1});
      for (const auto& it : sums.take())
        add({.unit = by_hour_ ? floor_divided(it.minute, minutes_an_hour) : it.minute,
             .who = who,
             .op = static_cast<operation>(it.op),
             .sum = it.sum});
      return true;
    };
  }

  result<void> read_segment(std::uint32_t number) {
    ++answer_.segments_read;
    const auto all = all_matches({});
    const auto visit = each_record();
    scanner scan{all, visit, view_.go_on_};
    const auto more = view_.scan_segment(number, all, scan);
    if (!more)
      return more.error();
    answer_.complete &= scan.so_far().damaged == 0;
    return success();
  }

  result<void> read_memory(std::uint64_t from) {
    const auto behind = all_matches({.position_from = from});
    const auto visit = each_record();
    scanner scan{behind, visit, view_.go_on_};
    return view_.scan_memory(scan);
  }

  const log_view& view_;
  const sum_question& about_;
  bool by_hour_ = false;
  std::int64_t first_; ///< Minutes or hours since 1970.
  std::int64_t last_;
  std::map<rollup_row, totals, before> sums_;
  sum_answer answer_;
};

result<sum_answer> log_view::sum(const sum_question& about) const {
  const auto& it = about.wanted;
  const filter any;
  if (it.run || it.element_first != any.element_first || it.element_last != any.element_last ||
      it.position_from != any.position_from || it.position_to != any.position_to)
    return errc::invalid_argument;
  return summing{*this, about}.run();
}

} // namespace forerun::provenance
