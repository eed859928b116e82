#include "runtime/anatomy/file_map.hpp"
#include "runtime/anatomy/ext4.hpp"
#include "runtime/anatomy/file_map_builder.hpp"
#include "runtime/anatomy/partitions.hpp"
#include <algorithm>
#include <array>

namespace forerun::anatomy {
namespace {

/// As the kernel's: a chain of links this long is a circle.
constexpr unsigned links_max = 40;

constexpr std::uint64_t path_bytes_max = 4096;

} // namespace

std::string_view to_string(block_kind kind) {
  constexpr std::array<std::string_view, block_kinds> words{"file",       "directory",   "symlink",
                                                            "attributes", "extent_tree", "inode_table",
                                                            "bitmap",     "descriptors", "journal"};
  return words[static_cast<std::size_t>(kind)];
}

std::optional<piece> file_map::at(std::uint64_t block) const {
  if (block > std::numeric_limits<std::uint64_t>::max() >> (block_shift + 1))
    return std::nullopt;
  const auto from = block << block_shift, to = from + block_bytes;
  auto each = std::partition_point(pieces_.begin(), pieces_.end(),
                                   [&](const piece& it) { return it.offset + it.length <= from; });
  std::optional<piece> best;
  std::uint64_t most = 0;
  for (; each != pieces_.end() && each->offset < to; ++each) {
    const auto shared = std::min(to, each->offset + each->length) - std::max(from, each->offset);
    if (shared > most) {
      most = shared;
      best = *each;
    }
  }
  return best;
}

std::vector<piece> file_map::content(file_id file, std::uint64_t from, std::uint64_t to) const {
  auto each = std::partition_point(by_file_.begin(), by_file_.end(), [&](std::uint32_t it) {
    const auto& part = pieces_[it];
    return part.file < file || (part.file == file && part.at + part.length <= from);
  });
  std::vector<piece> found;
  for (; each != by_file_.end() && pieces_[*each].file == file && pieces_[*each].at < to; ++each)
    found.push_back(pieces_[*each]);
  return found;
}

std::span<const file_map::name> file_map::children(file_id directory) const {
  const auto first = std::partition_point(names_.begin(), names_.end(),
                                          [&](const name& it) { return it.parent < directory; });
  const auto last =
      std::partition_point(first, names_.end(), [&](const name& it) { return it.parent <= directory; });
  return {first, last};
}

std::optional<file_id> file_map::child(file_id directory, std::string_view word) const {
  const auto all = children(directory);
  const auto found =
      std::partition_point(all.begin(), all.end(), [&](const name& it) { return view(it.word) < word; });
  if (found == all.end() || view(found->word) != word)
    return std::nullopt;
  return found->file;
}

std::vector<std::pair<std::string_view, file_id>> file_map::names_in(file_id directory) const {
  std::vector<std::pair<std::string_view, file_id>> found;
  for (const auto& each : children(directory))
    found.emplace_back(view(each.word), each.file);
  return found;
}

std::string_view file_map::target(file_id link) const {
  return view(targets_[link]);
}

std::optional<file_id> file_map::parent(file_id file) const {
  return named_[file] == no_file ? std::nullopt : std::optional(names_[named_[file]].parent);
}

std::string file_map::path(file_id file) const {
  const auto partition = files_[file].partition;
  std::string path = roots_.size() > 1 ? "p" + std::to_string(partition) + ":" : "";
  if (std::find(roots_.begin(), roots_.end(), file) != roots_.end())
    return path + "/";
  if (named_[file] == no_file)
    return path + "#" + std::to_string(files_[file].inode);
  std::vector<std::string_view> words;
  for (auto up = named_[file]; up != no_file; up = named_[names_[up].parent])
    words.push_back(view(names_[up].word));
  for (auto word = words.rbegin(); word != words.rend(); ++word)
    path.append("/").append(*word);
  return path;
}

std::optional<file_id> file_map::find(file_id root, std::string_view path, bool follow) const {
  // What is still to be walked, from behind; a link puts its target's parts on top. A path that grows too
  // long has no end.
  std::vector<std::string_view> left;
  std::uint64_t left_bytes = 0;
  const auto push = [&](std::string_view more) {
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at < more.size();) {
      const auto end = std::min(more.find('/', at), more.size());
      if (end > at && more.substr(at, end - at) != ".")
        parts.push_back(more.substr(at, end - at));
      at = end + 1;
    }
    left_bytes += more.size();
    left.insert(left.end(), parts.rbegin(), parts.rend());
  };
  std::vector<file_id> stack{root};
  push(path);
  for (unsigned links = 0; !left.empty();) {
    const auto word = left.back();
    left.pop_back();
    if (word == "..") {
      if (stack.size() > 1)
        stack.pop_back();
      continue;
    }
    const auto next = child(stack.back(), word);
    if (!next)
      return std::nullopt;
    if (files_[*next].kind != block_kind::symlink || (left.empty() && !follow)) {
      stack.push_back(*next);
      continue;
    }
    const auto to = target(*next);
    if (to.empty() || ++links > links_max || left_bytes > path_bytes_max)
      return std::nullopt;
    if (to.front() == '/')
      stack.resize(1);
    push(to);
  }
  return stack.back();
}

std::size_t file_map::memory() const {
  const auto of = [](const auto& all) { return all.capacity() * sizeof all[0]; };
  return of(files_) + of(named_) + of(targets_) + of(names_) + of(words_) + of(pieces_) + of(by_file_);
}

result<file_map> map_files(image_reader& image, const limits& bounds) {
  counted_reader counted(image, bounds);
  const auto partitions = find_partitions(counted);
  if (!partitions)
    return partitions.error();
  file_map_builder builder(bounds);
  auto best = result<void>(errc::unsupported);
  for (const auto& each : partitions.value()) {
    auto read = read_ext4(counted, each, builder);
    if (auto usable = counted.usable(); !usable)
      return usable.error();
    if (!read && (read.error() == errc::overloaded || read.error() == errc::cancelled))
      return read.error();
    // One that is damaged says more than one that is something else.
    if (read || (!best && best.error() == errc::unsupported))
      best = read;
  }
  if (!best)
    return best.error();
  return builder.finish();
}

result<std::size_t> read_content(const file_map& map, image_reader& image, file_id file, std::uint64_t offset,
                                 std::span<std::byte> into) {
  const auto bytes = map[file].bytes;
  if (offset >= bytes)
    return std::size_t{0};
  into = into.first(std::min<std::uint64_t>(into.size(), bytes - offset));
  std::fill(into.begin(), into.end(), std::byte{0});
  for (const auto& each : map.content(file, offset, offset + into.size())) {
    const auto from = std::max(offset, each.at), to = std::min(offset + into.size(), each.at + each.length);
    if (from >= to)
      continue;
    auto read = image.read(each.offset + (from - each.at), into.subspan(from - offset, to - from));
    if (!read)
      return read.error();
  }
  return into.size();
}

} // namespace forerun::anatomy
