#include "runtime/anatomy/boot.hpp"
#include "runtime/anatomy/programs.hpp"
#include "runtime/anatomy/units.hpp"
#include "runtime/anatomy/wishes.hpp"
#include <algorithm>
#include <array>

namespace forerun::anatomy {
namespace {

constexpr std::uint64_t modules_dep_bytes_max = 4 << 20;
constexpr std::size_t kernels_max = 4;

constexpr std::array<const char*, 3> inits{"/sbin/init", "/usr/sbin/init", "/bin/init"};

/// What systemd, its loader and what it starts first read in each boot.
constexpr std::array settings{
    "/etc/ld.so.cache",    "/etc/fstab",    "/etc/systemd/system.conf", "/etc/machine-id",
    "/etc/os-release",     "/etc/hostname", "/etc/default/locale",      "/etc/locale.conf",
    "/etc/passwd",         "/etc/group",    "/etc/nsswitch.conf",       "/etc/localtime",
    "/etc/udev/udev.conf", "/etc/modules",  "/etc/sysctl.conf",         "/usr/share/dbus-1/system.conf"};

/// Folders whose files are all read, and the program that does it.
struct reading {
  const char* program;
  std::array<const char*, 3> folders;
};
constexpr std::array readers{
    reading{"/usr/lib/systemd/systemd-udevd",
            {"/usr/lib/udev/rules.d", "/etc/udev/rules.d", "/lib/udev/rules.d"}},
    reading{"/usr/lib/systemd/systemd-sysctl", {"/etc/sysctl.d", "/usr/lib/sysctl.d", nullptr}},
    reading{"/usr/lib/systemd/systemd-modules-load",
            {"/etc/modules-load.d", "/usr/lib/modules-load.d", nullptr}},
    reading{"/usr/bin/systemd-tmpfiles", {"/etc/tmpfiles.d", "/usr/lib/tmpfiles.d", nullptr}},
    reading{"/usr/bin/systemd-sysusers", {"/usr/lib/sysusers.d", nullptr, nullptr}},
    reading{"/usr/bin/dbus-daemon",
            {"/usr/share/dbus-1/system.d", "/usr/share/dbus-1/system-services", "/etc/dbus-1/system.d"}},
    reading{"/usr/bin/kmod", {"/etc/modprobe.d", "/usr/lib/modprobe.d", nullptr}},
};

/// What systemd and its generators start without a unit's word for it.
constexpr std::array own_programs{"/bin/mount", "/usr/lib/systemd/systemd-executor",
                                  "/usr/lib/systemd/systemd-remount-fs"};

/// systemd asks for these itself (src/core/kmod-setup.c), where they are modules.
constexpr std::array<std::string_view, 5> own_modules{"autofs4", "ipv6", "ip_tables", "dmi-sysfs",
                                                      "qemu_fw_cfg"};
constexpr std::array indexes{"modules.softdep",     "modules.dep.bin",           "modules.alias.bin",
                             "modules.symbols.bin", "modules.builtin.alias.bin", "modules.builtin.bin",
                             "modules.devname"};

} // namespace

std::string_view to_string(boot_reason reason) {
  constexpr std::array<std::string_view, boot_reasons> words{"mount",    "way",    "program", "unit",
                                                             "settings", "module", "word"};
  return words[static_cast<std::size_t>(reason)];
}

namespace {

class boot {
public:
  boot(const file_map& map, image_reader& image, file_id root)
      : map_(map), root_(root), wishes_(map, root, image.bytes()), programs_(map, image, root, wishes_),
        units_(map, root, programs_) {}

  result<std::vector<prediction>> all(file_id init) {
    wishes_.mount();
    const auto path = map_.path(init);
    if (auto done = programs_.start(path.substr(path.find('/'))); !done)
      return done.error();
    for (const auto* each : settings)
      programs_.want(each, boot_reason::settings);
    const auto by_units = path.ends_with("/systemd");
    if (auto done = by_units ? systemd() : scripts(); !done)
      return done.error();
    return wishes_.take();
  }

private:
  result<void> systemd() {
    if (auto done = kernel_modules({own_modules.begin(), own_modules.end()}); !done)
      return done;
    // The locale that systemd gives to all unless told otherwise.
    for (const auto* folder : {"/usr/lib/locale/C.utf8", "/usr/lib/locale/C.utf8/LC_MESSAGES"})
      programs_.want_all(folder, boot_reason::settings);
    for (const auto* each : own_programs)
      if (auto done = programs_.start(each); !done)
        return done;
    for (const std::string folder : {"/usr/lib/systemd/system-environment-generators",
                                     "/usr/lib/systemd/system-generators", "/etc/systemd/system-generators"})
      if (auto done = start_all(folder, boot_reason::program); !done)
        return done;
    // Every unit with default dependencies wants what sysinit and basic bring.
    for (const auto* unit :
         {"sysinit.target", "basic.target", "default.target", "getty@tty1.service", "dbus.service"})
      if (auto done = units_.start(unit); !done)
        return done;
    for (const auto& each : readers)
      if (map_.find(root_, each.program))
        for (const auto* folder : each.folders)
          if (folder != nullptr)
            programs_.want_all(folder, boot_reason::settings);
    return kernel_modules({units_.modules().begin(), units_.modules().end()});
  }

  /// The older way: every script of the folders that rc goes through.
  result<void> scripts() {
    for (const auto* folder : {"/etc/rcS.d", "/etc/rc2.d", "/etc/init.d"})
      if (auto done = start_all(folder, boot_reason::unit); !done)
        return done;
    return success();
  }

  result<void> start_all(const std::string& folder, boot_reason why) {
    const auto names = programs_.want_all(folder, why);
    for (const auto& name : names)
      programs_.announce(folder + "/" + name);
    for (const auto& name : names)
      if (auto done = programs_.start(folder + "/" + name); !done)
        return done;
    return success();
  }

  /// Modules by name, with what modules.dep says they need.
  result<void> kernel_modules(const std::vector<std::string_view>& names) {
    auto versions = programs_.names_in("/lib/modules");
    versions.resize(std::min(versions.size(), kernels_max));
    for (const auto& version : versions) {
      const auto base = "/lib/modules/" + version + "/";
      for (const auto* index : indexes)
        programs_.want(base + index, boot_reason::module);
      const auto dep = map_.find(root_, base + "modules.dep");
      if (!dep)
        continue;
      auto text = programs_.text(*dep, modules_dep_bytes_max);
      if (!text)
        return text.error();
      for (std::string_view rest = text.value(); !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        modules_of_line(base, rest.substr(0, end), names);
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
    return success();
  }

  /// "kernel/fs/fuse/fuse.ko: kernel/a.ko kernel/b.ko"
  void modules_of_line(const std::string& base, std::string_view line,
                       const std::vector<std::string_view>& names) {
    const auto colon = line.find(':');
    if (colon == line.npos)
      return;
    auto name = line.substr(0, colon);
    name.remove_prefix(name.rfind('/') + 1);
    name = name.substr(0, name.find('.'));
    const auto same = [](char left, char right) {
      return left == right || (left == '_' && right == '-') || (left == '-' && right == '_');
    };
    if (std::none_of(names.begin(), names.end(), [&](std::string_view each) {
          return std::equal(each.begin(), each.end(), name.begin(), name.end(), same);
        }))
      return;
    for (auto rest = line; !rest.empty();) {
      const auto end = std::min(rest.find_first_of(": "), rest.size());
      if (end > 0)
        programs_.want(base + std::string(rest.substr(0, end)), boot_reason::module);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }

  const file_map& map_;
  file_id root_;
  wishes wishes_;
  programs programs_;
  units units_;
};

} // namespace

result<std::vector<prediction>> boot_prior(const file_map& map, image_reader& image, const limits& bounds) {
  counted_reader counted(image, bounds);
  for (const auto root : map.roots())
    for (const auto* path : inits)
      if (const auto init = map.find(root, path))
        return boot(map, counted, root).all(*init);
  return errc::not_found;
}

} // namespace forerun::anatomy
