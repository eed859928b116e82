#include "runtime/provenance/aggregates.hpp"
#include "runtime/provenance/space_saving.hpp"
#include <memory>

namespace forerun::provenance {
namespace {

constexpr std::size_t trails_max = 4096;

/// Numbers for those who are told apart, from 0; at most `programs_max`.
class group_table {
public:
  explicit group_table(grouping by) : by_(by) {}

  std::optional<std::uint32_t> number(const context& who) {
    if (number_of_.empty() || who.by != latest_) {
      latest_ = who.by;
      number_ = find(who.by);
    }
    return number_;
  }
  const std::vector<agent>& names() const { return names_; }

private:
  std::optional<std::uint32_t> find(const agent& who) {
    context key;
    if (by_.by_vm)
      key.by.vm = who.vm;
    if (by_.by_program)
      key.by.program = who.program;
    if (by_.by_user)
      key.by.user = who.user;
    if (const auto found = number_of_.find(key); found != number_of_.end())
      return found->second;
    if (names_.size() == programs_max)
      return std::nullopt;
    number_of_.emplace(key, static_cast<std::uint32_t>(names_.size()));
    names_.push_back(key.by);
    return static_cast<std::uint32_t>(names_.size() - 1);
  }

  grouping by_;
  absl::flat_hash_map<context, std::uint32_t> number_of_; ///< Contexts of names only.
  std::vector<agent> names_;
  agent latest_;
  std::optional<std::uint32_t> number_; ///< Of `latest_`.
};

/// A sequence of somebody.
struct succession {
  std::uint32_t group = 0;
  element_kind kind = element_kind::block;
  std::uint32_t space = 0;
  std::array<std::uint64_t, sequence_max> elements{};

  bool operator==(const succession&) const = default;
  template <class H> friend H AbslHashValue(H state, const succession& it) {
    return H::combine(std::move(state), it.group, static_cast<std::uint8_t>(it.kind), it.space, it.elements);
  }
};

/// What each run touched last in each space.
class trails {
public:
  struct trail {
    std::array<std::uint64_t, sequence_max> elements{}; ///< The newest last.
    std::size_t known = 0;
    std::uint64_t position = 0; ///< Of the newest.
  };

  /// Puts one more at the end of its trail.
  const trail& add(const context& who, const record& what) {
    auto found = trails_.find(who);
    if (found == trails_.end()) {
      if (trails_.size() == trails_max)
        forget_older_half();
      found = trails_.try_emplace(who).first;
    }
    auto& it = found->second;
    std::shift_left(it.elements.begin(), it.elements.end(), 1);
    it.elements.back() = what.where.first;
    it.known = std::min(it.known + 1, it.elements.size());
    it.position = what.position;
    return it;
  }
  std::uint64_t forgotten() const { return forgotten_; }

private:
  void forget_older_half() {
    std::vector<std::uint64_t> positions;
    for (const auto& [who, it] : trails_)
      positions.push_back(it.position);
    const auto middle = positions.begin() + static_cast<std::ptrdiff_t>(positions.size() / 2);
    std::nth_element(positions.begin(), middle, positions.end());
    const auto before = trails_.size();
    absl::erase_if(trails_, [newest = *middle](const auto& it) { return it.second.position < newest; });
    forgotten_ += before - trails_.size();
  }

  absl::flat_hash_map<context, trail> trails_;
  std::uint64_t forgotten_ = 0;
};

} // namespace

result<arrival_answer> arrivals(const record_source& from, const arrival_question& about) {
  struct group {
    arrival_row row;
    durations gaps;
    wall_time last{};
  };
  group_table table{about.by};
  std::vector<std::unique_ptr<group>> groups;
  std::uint64_t left_out = 0;
  const auto scanned = from.scan(all_matches(about.wanted), [&](const context& who, const record& what) {
    const auto number = table.number(who);
    if (!number) {
      ++left_out;
      return true;
    }
    if (*number == groups.size())
      groups.push_back(std::make_unique<group>());
    auto& [row, gaps, last] = *groups[*number];
    if (row.records > 0 && what.at < last)
      ++row.backward;
    else if (row.records > 0)
      // Without a sign, since times may be further apart than a duration is long.
      gaps.add(nanos{static_cast<std::int64_t>(
          std::min(static_cast<std::uint64_t>(what.at.ns) - static_cast<std::uint64_t>(last.ns),
                   static_cast<std::uint64_t>(nanos::max().count())))});
    ++row.records;
    last = what.at;
    return true;
  });
  if (!scanned)
    return scanned.error();
  arrival_answer out;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i]->row.who = table.names()[i];
    groups[i]->row.gaps = groups[i]->gaps.summary();
    out.rows.push_back(std::move(groups[i]->row));
    groups[i].reset();
  }
  std::stable_sort(out.rows.begin(), out.rows.end(),
                   [](const auto& a, const auto& b) { return a.records > b.records; });
  out.seen = {scanned.value(), left_out};
  return out;
}

result<sequence_answer> sequences(const record_source& from, const sequence_question& about) {
  if (about.length < 2 || about.length > sequence_max || about.counters < counters_min ||
      about.counters > counters_max)
    return errc::invalid_argument;
  group_table table{about.by};
  trails open;
  space_saving<succession> most{about.counters};
  sequence_answer out;
  std::uint64_t left_out = 0;
  const auto scanned = from.scan(all_matches(about.wanted), [&](const context& who, const record& what) {
    const auto number = table.number(who);
    if (!number) {
      ++left_out;
      return true;
    }
    const auto& trail = open.add(who, what);
    if (trail.known < about.length)
      return true;
    succession key{*number, who.kind, who.space, {}};
    std::copy(trail.elements.end() - static_cast<std::ptrdiff_t>(about.length), trail.elements.end(),
              key.elements.begin());
    ++out.total;
    most.add(key, 1);
    return true;
  });
  if (!scanned)
    return scanned.error();
  for (const auto& [key, count, over] : most.top(about.rows_max))
    out.rows.push_back(
        {table.names()[key.group],
         key.kind,
         key.space,
         {key.elements.begin(), key.elements.begin() + static_cast<std::ptrdiff_t>(about.length)},
         count,
         over});
  out.others_max = most.others_max();
  out.broken = open.forgotten();
  out.seen = {scanned.value(), left_out};
  return out;
}

} // namespace forerun::provenance
