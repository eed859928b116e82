#include "runtime/predict/history.hpp"
#include <algorithm>

namespace forerun::predict {

history_tracker* history::find(run_id run) const {
  for (const auto& it : active_)
    if (it->run() == run)
      return it.get();
  return nullptr;
}

result<void> history::begin(run_id run, std::string_view label) {
  if (find(run) != nullptr)
    return errc::exists;
  if (active_.size() >= limits_.active_max)
    return errc::overloaded;
  active_.push_back(std::make_unique<history_tracker>(run, label, library_));
  return success();
}

bool history::observe(run_id run, const access& seen) {
  auto* tracker = find(run);
  if (tracker == nullptr)
    return false;
  if (seen.op == operation::read)
    tracker->each_ranked(library_, seen.where, [this](float chance) { scores_.settle(chance, true); });
  const auto room = std::min(limits_.run_blocks_max - std::min(limits_.run_blocks_max, tracker->blocks()),
                             limits_.active_blocks_max - std::min(limits_.active_blocks_max, active_blocks_));
  const auto fresh = tracker->observe(library_, seen, room);
  active_blocks_ += fresh;
  // Without a new block nothing has moved since it was not due.
  return (fresh > 0 || !tracker->ranked(library_)) && tracker->due(library_);
}

std::optional<forecast> history::rank(run_id run, instant now) {
  auto* tracker = find(run);
  if (tracker == nullptr || !tracker->due(library_))
    return std::nullopt;
  return tracker->rank(library_, now);
}

bool history::explains(run_id run, extent where) const {
  const auto* tracker = find(run);
  if (tracker == nullptr)
    return false;
  for (auto block = where.first; block < where.end(); ++block)
    if (tracker->probability(library_, block) < history_probability_min)
      return false;
  return true;
}

void history::end(run_id run) {
  const auto at = std::find_if(active_.begin(), active_.end(), [run](auto& it) { return it->run() == run; });
  if (at == active_.end())
    return;
  const auto tracker = std::move(*at);
  active_.erase(at);
  active_blocks_ -= tracker->blocks();
  left_out_ += tracker->blocks_left_out();
  const auto unread = [&](std::uint64_t block) {
    tracker->each_ranked(library_, {block, 1}, [this](float chance) { scores_.settle(chance, false); });
  };
  library_.each_block([&](std::uint64_t block, std::uint32_t) { unread(block); });
  library_.foreseen()->each([&](std::uint64_t block, const foresight::chance&) {
    if (!library_.has(block))
      unread(block);
  });
  if (const auto group = tracker->group(); group && tracker->blocks() >= limits_.run_blocks_min)
    library_.matched(*group);
  library_.add(tracker->touches(), tracker->label());
}

history_figures history::figures() const {
  auto left_out = left_out_;
  for (const auto& it : active_)
    left_out += it->blocks_left_out();
  return {.runs_stored = library_.runs(),
          .groups = library_.groups_used(),
          .runs_active = active_.size(),
          .table_entries = library_.table_entries(),
          .stored_bytes = library_.stored_bytes(),
          .foreseen_blocks = library_.foreseen()->size(),
          .blocks_left_out = left_out};
}

} // namespace forerun::predict
