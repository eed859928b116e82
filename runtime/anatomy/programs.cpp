#include "runtime/anatomy/programs.hpp"
#include <algorithm>
#include <array>
#include <deque>
#include <set>

namespace forerun::anatomy {
namespace {

constexpr unsigned looks_max = 4096;

constexpr std::array<std::string_view, 6> program_folders{"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/",
                                                          "/usr/bin/",        "/sbin/",          "/bin/"};

/// Of a program this much is announced: what tells what it needs lies at its head or before its end.
constexpr std::uint64_t announced_bytes = 256 << 10;

/// As the kernel's: an interpreter may be a script, whose interpreter may be one, and so on.
constexpr unsigned scripts_open_max = 5;

/// A script's guess that is wrong costs a whole program; those above this size are left to be seen first.
constexpr std::uint64_t guess_bytes_max = 3 << 19;

/// The shell does these itself.
constexpr std::array<std::string_view, 8> builtins{"[",     "echo", "test",   "true",
                                                   "false", "kill", "printf", "pwd"};

/// Words after which a command may begin.
constexpr std::array<std::string_view, 7> openers{"then", "do", "else", "if", "elif", "while", "!"};

bool is_path_letter(char each) {
  return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || (each >= '0' && each <= '9') ||
         std::string_view("/._+-[!").find(each) != std::string_view::npos;
}

/// Words of a shell script that stand where a command does, each once, in order of the alphabet.
std::set<std::string, std::less<>> commands_of(std::string_view text) {
  std::set<std::string, std::less<>> words;
  bool begins = true;
  while (!text.empty()) {
    if (text.front() == '#') {
      text.remove_prefix(std::min(text.find('\n'), text.size()));
    } else if (!is_path_letter(text.front())) {
      if (std::string_view("\n;|&(){}`").find(text.front()) != text.npos)
        begins = true;
      else if (text.front() != ' ' && text.front() != '\t')
        begins = false;
      text.remove_prefix(1);
    } else {
      const auto end = std::find_if_not(text.begin(), text.end(), is_path_letter);
      const std::string_view word(text.begin(), end);
      // "x=1 word" and "case x" are none of ours; "word)" is a pattern.
      const auto assigned = end != text.end() && (*end == '=' || *end == ')');
      if (begins && !assigned && std::find(builtins.begin(), builtins.end(), word) == builtins.end())
        words.emplace(word);
      begins = std::find(openers.begin(), openers.end(), word) != openers.end();
      text = {end, text.end()};
    }
  }
  return words;
}

} // namespace

programs::programs(const file_map& map, image_reader& image, file_id root, wishes& into)
    : map_(map), image_(image), root_(root), into_(into), looked_(map.files()) {
  // Debian's multiarch folders are named after the machine: x86_64-linux-gnu.
  for (const std::string folder : {"/lib", "/usr/lib"}) {
    const auto found = map_.find(root_, folder);
    if (!found)
      continue;
    for (const auto& [name, file] : map_.names_in(*found))
      if (name.find("-linux-") != name.npos)
        folders_.push_back(folder + "/" + std::string(name) + "/");
  }
  folders_.insert(folders_.end(), {"/lib64/", "/usr/lib64/", "/lib/", "/usr/lib/", "/usr/local/lib/"});
}

bool programs::look(file_id file) {
  if (looked_[file] || looks_ >= looks_max)
    return false;
  ++looks_;
  return looked_[file] = true;
}

result<std::string> programs::text(file_id file, std::uint64_t bytes_max) {
  if (map_[file].kind != block_kind::file || map_[file].bytes > bytes_max)
    return std::string();
  std::string text(map_[file].bytes, '\0');
  const auto got = read_content(map_, image_, file, 0, std::as_writable_bytes(std::span(text)));
  if (!got)
    return got.error();
  return text;
}

void programs::want(std::string_view path, boot_reason why) {
  if (const auto file = find(path))
    into_.file(*file, why);
}

std::vector<std::string> programs::names_in(std::string_view folder) {
  std::vector<std::string> names;
  const auto found = find(folder);
  if (!found || names_left_ == 0)
    return names;
  for (const auto& [name, file] : map_.names_in(*found))
    if (names_left_ > 0) {
      --names_left_;
      names.emplace_back(name);
    }
  return names;
}

void programs::announce(file_id file) {
  if (looked_[file] || map_[file].kind != block_kind::file)
    return;
  for (const auto& each : map_.content(file, 0, announced_bytes))
    image_.soon(each.offset, std::min(each.length, announced_bytes));
}

void programs::announce(std::string_view path) {
  if (const auto file = program_named(path))
    announce(*file);
}

std::vector<std::string> programs::want_all(std::string_view folder, boot_reason why) {
  want(folder, why);
  auto names = names_in(folder);
  for (const auto& name : names)
    want(std::string(folder) + "/" + name, why);
  return names;
}

std::optional<file_id> programs::find(std::string_view path) {
  if (lookups_left_ == 0)
    return std::nullopt;
  --lookups_left_;
  return map_.find(root_, path);
}

std::optional<file_id> programs::program_named(std::string_view path) {
  if (path.find('/') != path.npos)
    return find(path);
  for (const auto folder : program_folders)
    if (const auto found = find(std::string(folder) + std::string(path)))
      return found;
  return std::nullopt;
}

result<void> programs::start(std::string_view path, boot_reason why) {
  const auto file = program_named(path);
  if (!file || map_[*file].kind != block_kind::file ||
      (why == boot_reason::word && map_[*file].bytes > guess_bytes_max) || !look(*file))
    return success();
  auto facts = read_elf(map_, image_, *file);
  if (facts)
    return load(*file, std::move(facts).value(), why);
  if (facts.error() == errc::unsupported)
    return script(*file, why);
  return facts.error() == errc::corrupt ? success() : result<void>(facts.error());
}

result<void> programs::script(file_id file, boot_reason why) {
  const auto read = text(file);
  if (!read)
    return read.error();
  const std::string_view all = read.value();
  if (all.substr(0, 2) != "#!")
    return success();
  into_.file(file, why);
  const auto line = all.substr(2, all.find('\n') - 2);
  const auto from = line.find_first_not_of(" \t");
  if (from == line.npos)
    return success();
  const auto interpreter = line.substr(from, line.find_first_of(" \t\r", from) - from);
  if (scripts_open_ >= scripts_open_max)
    return success();
  ++scripts_open_;
  auto done = start(interpreter, why);
  // What a script calls is a guess, and what that calls would be a guess at a guess.
  if (why != boot_reason::word)
    for (const auto& word : commands_of(all))
      if (done)
        done = start(word, boot_reason::word);
  --scripts_open_;
  return done;
}

std::vector<file_id> programs::libraries_named(const std::string& name, const elf_facts& of, file_id user) {
  std::vector<file_id> found;
  const auto add = [&](const std::string& path) {
    if (const auto file = find(path); file && map_[*file].kind == block_kind::file)
      found.push_back(*file);
  };
  if (name.find('/') != name.npos) {
    add(name);
    return found;
  }
  for (auto folder : of.search) {
    if (const auto at = folder.find("$ORIGIN"); at != folder.npos) {
      const auto path = map_.path(user);
      folder.replace(at, 7, path.substr(path.find('/'), path.rfind('/') - path.find('/')));
    }
    add(folder + "/" + name);
  }
  for (const auto& folder : folders_)
    add(folder + name);
  return found;
}

/// The dynamic loader goes breadth first as well.
result<void> programs::load(file_id program, elf_facts facts, boot_reason why) {
  std::deque<std::pair<file_id, elf_facts>> queue;
  queue.emplace_back(program, std::move(facts));
  for (; !queue.empty(); queue.pop_front()) {
    const auto& [file, needs] = queue.front();
    into_.file(file, why, needs.loaded_bytes);
    if (const auto loader = find(needs.interpreter);
        loader && map_[*loader].kind == block_kind::file && look(*loader))
      into_.file(*loader, why);
    std::vector<std::vector<file_id>> libraries;
    for (const auto& name : needs.needed) {
      libraries.push_back(libraries_named(name, needs, file));
      if (!libraries.back().empty())
        announce(libraries.back().front());
    }
    for (const auto& same_name : libraries)
      for (const auto library : same_name) {
        // One that was looked into is the one that other programs got under this name.
        if (!look(library))
          break;
        auto more = read_elf(map_, image_, library);
        if (!more && more.error() != errc::unsupported && more.error() != errc::corrupt)
          return more.error();
        if (!more || more.value().machine != needs.machine || more.value().wide != needs.wide)
          continue;
        queue.emplace_back(library, std::move(more).value());
        break;
      }
  }
  return success();
}

} // namespace forerun::anatomy
