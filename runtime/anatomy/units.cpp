#include "runtime/anatomy/units.hpp"
#include "runtime/base/text.hpp"
#include <algorithm>
#include <array>

namespace forerun::anatomy {
namespace {

constexpr std::size_t units_max = 4096, modules_max = 64;
constexpr std::string_view module_prefix = "modprobe@", blank = " \t\r";

/// The administrator's first.
const std::array<std::string, 4> folders{"/etc/systemd/system/", "/usr/local/lib/systemd/system/",
                                         "/usr/lib/systemd/system/", "/lib/systemd/system/"};

constexpr std::array<std::string_view, 5> pulling{"Requires", "Wants", "BindsTo", "Upholds", "Sockets"};
constexpr std::array<std::string_view, 9> naming{"Requisite", "After",   "Before",   "Conflicts", "PartOf",
                                                 "OnFailure", "Service", "Triggers", "Unit"};

template <class All> bool has(const All& all, std::string_view each) {
  return std::find(all.begin(), all.end(), each) != all.end();
}

/// "getty@tty1.service" is made of "getty@.service".
std::string template_of(const std::string& name) {
  const auto at = name.find('@'), dot = name.rfind('.');
  return at == name.npos || dot == name.npos || dot < at ? std::string()
                                                         : name.substr(0, at + 1) + name.substr(dot);
}

template <class Each> result<void> each_word(std::string_view text, Each each) {
  while (!(text = trimmed(text, blank)).empty()) {
    const auto end = std::min(text.find_first_of(blank), text.size());
    if (auto done = each(text.substr(0, end)); !done)
      return done;
    text.remove_prefix(end);
  }
  return success();
}

} // namespace

units::units(const file_map& map, file_id root, programs& into) : map_(map), root_(root), into_(into) {
}

void units::add(std::string name, bool started) {
  if (met_.size() >= units_max || name.empty() || name.find('/') != name.npos || name.find('%') != name.npos)
    return;
  const auto [found, fresh] = met_.try_emplace(name, started);
  if (!fresh && (found->second || !started))
    return;
  found->second = started;
  for (const auto& folder : folders)
    into_.announce(folder + name);
  queue_.push_back({std::move(name), started});
}

result<void> units::start(const std::string& name) {
  add(name, true);
  // Units are added while others are read.
  for (std::size_t next = 0; next < queue_.size(); ++next)
    if (auto done = read(wanted(queue_[next])); !done)
      return done;
  queue_.clear();
  return success();
}

void units::folder_of(const std::string& folder, bool started) {
  for (auto& name : into_.names_in(folder))
    add(std::move(name), started);
}

result<void> units::read(const wanted& unit) {
  if (unit.started && unit.name.starts_with(module_prefix) && modules_.size() < modules_max)
    modules_.push_back(unit.name.substr(module_prefix.size(), unit.name.rfind('.') - module_prefix.size()));
  for (const auto& name : {unit.name, template_of(unit.name)}) {
    if (name.empty())
      continue;
    if (unit.started)
      for (const auto& folder : folders)
        for (const auto* kind : {".wants", ".requires"})
          folder_of(folder + name + kind, true);
    for (const auto& folder : folders) {
      const auto link = map_.find(root_, folder + name, false);
      if (!link)
        continue;
      // One that leads to /dev/null is masked: the others of its name do not count.
      const auto file = map_.find(root_, folder + name);
      if (!file)
        return success();
      into_.want(folder + name, boot_reason::unit);
      // An alias stands for the unit that it leads to, whose own folders count too.
      if (const auto path = map_.path(*file); path.substr(path.rfind('/') + 1) != name)
        add(path.substr(path.rfind('/') + 1), unit.started);
      const auto text = into_.text(*file);
      if (!text)
        return text.error();
      for (const auto& more : folders)
        into_.want_all(more + name + ".d", boot_reason::unit);
      return parse(unit, text.value());
    }
  }
  return success();
}

result<void> units::parse(const wanted& unit, std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trimmed(text.substr(0, end), blank);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = line.find('=');
    if (equals == line.npos || line.front() == '#' || line.front() == ';')
      continue;
    if (auto done =
            setting(unit, trimmed(line.substr(0, equals), blank), trimmed(line.substr(equals + 1), blank));
        !done)
      return done;
  }
  return success();
}

result<void> units::setting(const wanted& unit, std::string_view key, std::string_view value) {
  const auto pulls = has(pulling, key);
  if (pulls || has(naming, key))
    return each_word(value, [&](std::string_view word) -> result<void> {
      add(std::string(word), pulls && unit.started);
      return success();
    });
  if (!unit.started)
    return success();
  if (key.starts_with("ExecStart")) {
    // Marks before the path: run it although it fails, with other rights, under another name.
    const auto from = value.find_first_not_of("-@:+!");
    if (from == value.npos)
      return success();
    value = value.substr(from);
    return into_.start(value.substr(0, value.find_first_of(blank)));
  }
  return success();
}

} // namespace forerun::anatomy
