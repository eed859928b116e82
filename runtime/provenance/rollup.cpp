#include "runtime/provenance/rollup.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/base/floor.hpp"
#include "runtime/provenance/columns.hpp"
#include "runtime/provenance/name_table.hpp"
#include <limits>
#include <utility>

namespace forerun::provenance {

void totals::add(const totals& other) {
  records += other.records;
  elements += other.elements;
  bytes += other.bytes;
  latency_us += other.latency_us;
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    outcomes[i] += other.outcomes[i];
}

void block_sums::open_sums::find(std::uint8_t op) {
  const auto found =
      std::find_if(by_operation.begin(), by_operation.end(), [op](const auto& it) { return it.first == op; });
  latest = static_cast<std::size_t>(found - by_operation.begin());
  if (found == by_operation.end())
    by_operation.push_back({op, {}});
}

void rollup::table::add(key where, const totals& what) {
  if (given_up)
    return;
  if (sums.size() >= rows_max && !sums.contains(where)) {
    given_up = true;
    sums = {};
    return;
  }
  sums[where].add(what);
}

void block_sums::open_minute(std::uint32_t index, wall_time at) {
  using limits = std::numeric_limits<std::int64_t>;
  close(index);
  const auto minute = floor_divided(at.ns, minute_ns);
  auto& it = open_[index];
  it.begin = minute == floor_divided(limits::min(), minute_ns) ? limits::min() : minute * minute_ns;
  it.last = minute == floor_divided(limits::max(), minute_ns) ? limits::max() : (minute + 1) * minute_ns - 1;
}

void block_sums::close(std::uint32_t index) {
  auto& it = open_[index];
  for (const auto& [op, sum] : it.by_operation)
    closed_.push_back({index, floor_divided(it.last, minute_ns), op, sum});
  it.by_operation.clear();
}

std::vector<block_sums::row> block_sums::take() {
  for (std::uint32_t i = 0; i < open_.size(); ++i)
    close(i);
  open_.clear();
  return std::exchange(closed_, {});
}

std::optional<std::uint32_t> rollup::number(context who) {
  who.run = {};
  const auto next = static_cast<std::uint32_t>(contexts_.size());
  if (const auto found = number_of_.find(who); found != number_of_.end())
    return found->second;
  if (next == rows_max)
    return std::nullopt;
  number_of_.emplace(who, next);
  contexts_.push_back(std::move(who));
  return next;
}

void rollup::add(std::span<const block_sums::row> rows, std::span<const context> contexts) {
  for (const auto& row : rows) {
    const auto who = number(contexts[row.index]);
    if (!who) {
      for (auto& it : tables_)
        it = {.sums = {}, .given_up = true};
      return;
    }
    tables_[0].add({row.minute, *who, row.op}, row.sum);
    tables_[1].add({floor_divided(row.minute, minutes_an_hour), *who, row.op}, row.sum);
  }
}

std::optional<std::vector<rollup_row>> rollup::rows(std::size_t which) const {
  const auto& from = tables_[which];
  if (from.given_up)
    return std::nullopt;
  std::vector<rollup_row> out;
  out.reserve(from.sums.size());
  for (const auto& [where, sum] : from.sums)
    out.push_back({where.unit, contexts_[where.who], static_cast<operation>(where.op), sum});
  std::sort(out.begin(), out.end(), [](const rollup_row& a, const rollup_row& b) {
    const auto order = [](const rollup_row& it) {
      return std::tie(it.unit, it.who.by.vm, it.who.by.program, it.who.by.user, it.who.by.node, it.who.kind,
                      it.who.space, it.op);
    };
    return order(a) < order(b);
  });
  return out;
}

std::vector<std::byte> pack(const std::vector<rollup_row>& rows) {
  std::vector<std::byte> body;
  byte_writer<> out{body};
  name_table names;
  std::int64_t unit = 0;
  for (const auto& row : rows) {
    out.put_zigzag(wrapping_minus(row.unit, unit));
    unit = row.unit;
    names.put(out, row.who);
    for (const auto value : {static_cast<std::uint64_t>(row.op), row.sum.records, row.sum.elements,
                             row.sum.bytes, row.sum.latency_us})
      out.put_varint(value);
    for (const auto count : row.sum.outcomes)
      out.put_varint(count);
  }
  std::vector<std::byte> all;
  byte_writer<> head{all};
  names.write(head);
  head.put_varint(rows.size());
  head.put_bytes(body);
  return all;
}

result<std::vector<rollup_row>> unpack_rollup(std::span<const std::byte> bytes) {
  byte_reader<> in{bytes};
  const auto names = take_names(in, rollup::rows_max * 3);
  if (!names)
    return names.error();
  const auto count = in.take_varint();
  if (count > rollup::rows_max)
    return errc::corrupt;
  std::vector<rollup_row> rows;
  std::int64_t unit = 0;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    rollup_row row;
    row.unit = unit = wrapping_plus(unit, in.take_zigzag());
    auto who = take_context(in, names.value());
    const auto op = in.take_varint();
    if (!who || op >= 1u << operation_bits)
      return errc::corrupt;
    row.who = std::move(who.value());
    row.op = static_cast<operation>(op);
    for (auto* sum : {&row.sum.records, &row.sum.elements, &row.sum.bytes, &row.sum.latency_us})
      *sum = in.take_varint();
    for (auto& outcome_count : row.sum.outcomes)
      outcome_count = in.take_varint();
    rows.push_back(std::move(row));
  }
  if (!in.ok() || in.left() != 0)
    return errc::corrupt;
  return rows;
}

} // namespace forerun::provenance
