#include "runtime/provenance/origin.hpp"
#include <algorithm>

namespace forerun::provenance {

extent overlap(extent a, extent b) {
  const auto first = std::max(a.first, b.first);
  const auto end = std::min(a.end(), b.end());
  return first < end ? extent{first, static_cast<std::uint32_t>(end - first)} : extent{};
}

bool origin_finder::take(std::uint64_t records) {
  spent_ = spent_ || records > records_left_;
  records_left_ -= std::min(records, records_left_);
  return !spent_;
}

result<std::shared_ptr<const entry>> origin_finder::last_maker(const place& of, std::uint64_t before) {
  filter wanted{.position_to = before,
                .kind = of.kind,
                .space = of.space,
                .element_first = of.where.first,
                .element_last = of.where.end() - 1,
                .operations = making_operations};
  while (take(1)) {
    auto found = from_.last(wanted, 1);
    if (!found)
      return found.error();
    if (found.value().empty())
      break;
    auto& last = found.value().front();
    if (makes(last.what))
      return std::make_shared<const entry>(std::move(last));
    wanted.position_to = last.what.position;
  }
  return nullptr;
}

result<std::vector<piece>> origin_finder::pieces(element_kind kind, std::uint32_t space, extent where,
                                                 std::uint64_t before) {
  if (const auto it = known_.find(place{kind, space, where}); it != known_.end()) {
    const auto& [after, until, found] = it->second;
    if (before <= until && (!after || before > *after))
      return found;
  }
  struct gap {
    extent where;
    std::uint64_t before;
  };
  std::vector<gap> gaps{{where, before}};
  answer all{.before = before};
  while (!gaps.empty()) {
    const auto open = gaps.back();
    gaps.pop_back();
    auto made = last_maker({kind, space, open.where}, open.before);
    if (!made)
      return made.error();
    if (spent_)
      break;
    auto& maker = made.value();
    if (!maker) {
      all.found.push_back({open.where, nullptr});
      continue;
    }
    // It is the newest of the whole gap, so what it does not cover was made before it.
    const auto position = maker->what.position;
    const auto covered = overlap(open.where, touched(maker->what));
    if (covered.count == 0)
      return errc::corrupt;
    if (const auto left = covered.first - open.where.first; left > 0)
      gaps.push_back({{open.where.first, static_cast<std::uint32_t>(left)}, position});
    if (const auto right = open.where.end() - covered.end(); right > 0)
      gaps.push_back({{covered.end(), static_cast<std::uint32_t>(right)}, position});
    all.after = std::max(all.after, std::optional{position});
    all.found.push_back({covered, std::move(maker)});
  }
  std::sort(all.found.begin(), all.found.end(),
            [](const piece& a, const piece& b) { return a.where.first < b.where.first; });
  if (spent_)
    return std::move(all.found);
  if (known_.size() >= answers_max)
    known_.clear();
  return (known_[place{kind, space, where}] = std::move(all)).found;
}

result<std::optional<entry>> writer_of(const record_source& from, const element& of, std::uint64_t before) {
  origin_finder finder{from, 65536};
  const auto found = finder.pieces(of.kind, of.space, {of.number, 1}, before);
  if (!found)
    return found.error();
  if (finder.spent())
    return errc::overloaded;
  const auto& made = found.value().front().made;
  return made ? std::optional{*made} : std::nullopt;
}

result<read_origins> origins_of(const record_source& from, filter wanted, std::size_t reads_max,
                                std::uint64_t records_max) {
  wanted.operations = using_operations;
  auto reads = from.last(wanted, reads_max);
  if (!reads)
    return reads.error();
  origin_finder finder{from, records_max};
  read_origins all{.complete = reads.value().size() < reads_max};
  // Newest first: what is found then often holds for older reads of the same elements.
  for (auto it = reads.value().rbegin(); it != reads.value().rend(); ++it) {
    if (!uses(it->what)) {
      all.from_position = it->what.position;
      continue;
    }
    const auto [first, last] = std::pair{std::max(touched(it->what).first, wanted.element_first),
                                         std::min(touched(it->what).end() - 1, wanted.element_last)};
    const extent part{first, static_cast<std::uint32_t>(last - first + 1)};
    auto parts = finder.pieces(it->who.kind, it->who.space, part, it->what.position);
    if (!parts)
      return parts.error();
    if (finder.spent()) {
      if (all.reads.empty())
        return errc::overloaded;
      all.complete = false;
      break;
    }
    all.from_position = it->what.position;
    all.reads.push_back({std::move(*it), std::move(parts.value())});
  }
  std::reverse(all.reads.begin(), all.reads.end());
  return all;
}

} // namespace forerun::provenance
