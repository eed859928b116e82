#include "runtime/anatomy/file_map_builder.hpp"
#include <algorithm>
#include <numeric>
#include <tuple>

namespace forerun::anatomy {

result<file_id> file_map_builder::add_file(const file_entry& entry) {
  if (map_.files_.size() >= bounds_.files_max)
    return errc::overloaded;
  map_.files_.push_back(entry);
  map_.targets_.push_back({});
  return static_cast<file_id>(map_.files_.size() - 1);
}

result<void> file_map_builder::add_piece(const piece& each) {
  if (each.length == 0)
    return success();
  if (!map_.pieces_.empty()) {
    auto& last = map_.pieces_.back();
    const auto content = each.kind == block_kind::file || each.kind == block_kind::directory;
    if (last.kind == each.kind && last.file == each.file && last.offset + last.length == each.offset &&
        (!content || last.at + last.length == each.at)) {
      last.length += each.length;
      return success();
    }
  }
  if (map_.pieces_.size() >= bounds_.pieces_max)
    return errc::overloaded;
  map_.pieces_.push_back(each);
  return success();
}

result<void> file_map_builder::step() {
  if (++steps_ > bounds_.pieces_max)
    return errc::overloaded;
  if (steps_ % 1024 == 0 && bounds_.still_wanted && !bounds_.still_wanted())
    return errc::cancelled;
  return success();
}

result<file_map::text> file_map_builder::keep(std::string_view word) {
  std::string key(word);
  if (const auto found = words_.find(key); found != words_.end())
    return found->second;
  if (map_.words_.size() + word.size() > std::numeric_limits<std::uint32_t>::max())
    return errc::overloaded;
  const file_map::text kept{static_cast<std::uint32_t>(map_.words_.size()),
                            static_cast<std::uint32_t>(word.size())};
  map_.words_ += word;
  words_.emplace(std::move(key), kept);
  return kept;
}

result<void> file_map_builder::add_name(file_id parent, std::string_view word, file_id file) {
  if (map_.names_.size() >= bounds_.entries_max)
    return errc::overloaded;
  const auto kept = keep(word);
  if (!kept)
    return kept.error();
  map_.names_.push_back({parent, file, kept.value()});
  return success();
}

result<void> file_map_builder::set_target(file_id link, std::string_view target) {
  const auto kept = keep(target);
  if (!kept)
    return kept.error();
  map_.targets_[link] = kept.value();
  return success();
}

/// Two pieces that claim the same bytes contradict each other; the one that begins first keeps them.
void file_map_builder::sort_pieces() {
  auto& pieces = map_.pieces_;
  const auto order = [](const piece& it) { return std::tuple(it.offset, it.file, it.at, it.kind); };
  std::sort(pieces.begin(), pieces.end(),
            [&](const piece& left, const piece& right) { return order(left) < order(right); });
  std::uint64_t taken = 0;
  std::size_t kept = 0;
  for (auto each : pieces) {
    const auto cut = each.offset < taken ? std::min(taken - each.offset, each.length) : 0;
    map_.problems_ += cut > 0 ? 1 : 0;
    each.offset += cut;
    each.at += cut;
    each.length -= cut;
    if (each.length == 0)
      continue;
    taken = each.offset + each.length;
    pieces[kept++] = each;
  }
  pieces.resize(kept);
  pieces.shrink_to_fit();
  for (std::uint32_t each = 0; each < pieces.size(); ++each)
    if (const auto& it = pieces[each];
        it.file != no_file && it.kind != block_kind::attributes && it.kind != block_kind::extent_tree)
      map_.by_file_.push_back(each);
  std::sort(map_.by_file_.begin(), map_.by_file_.end(), [&](std::uint32_t left, std::uint32_t right) {
    return std::tuple(pieces[left].file, pieces[left].at, left) <
           std::tuple(pieces[right].file, pieces[right].at, right);
  });
}

/// From the roots, breadth first: each file gets the name it is met under first, and a directory that is met
/// again is not entered again, so that paths end whatever the directories say.
void file_map_builder::name_what_is_reached() {
  auto& map = map_;
  std::sort(map.names_.begin(), map.names_.end(), [&](const auto& left, const auto& right) {
    return std::tuple(left.parent, map.view(left.word), left.file) <
           std::tuple(right.parent, map.view(right.word), right.file);
  });
  map.named_.assign(map.files_.size(), no_file);
  std::vector<bool> met(map.files_.size(), false);
  std::vector<file_id> level = map.roots_, next;
  for (const auto root : level)
    met[root] = true;
  for (std::uint32_t depth = 0; !level.empty() && depth < bounds_.depth_max; ++depth) {
    next.clear();
    for (const auto directory : level)
      for (const auto& each : map.children(directory)) {
        if (met[each.file])
          continue;
        met[each.file] = true;
        map.named_[each.file] = static_cast<std::uint32_t>(&each - map.names_.data());
        if (map.files_[each.file].kind == block_kind::directory)
          next.push_back(each.file);
      }
    std::swap(level, next);
  }
}

file_map file_map_builder::finish() {
  words_ = {};
  sort_pieces();
  name_what_is_reached();
  return std::move(map_);
}

} // namespace forerun::anatomy
