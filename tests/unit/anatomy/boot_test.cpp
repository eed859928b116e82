#include "runtime/anatomy/boot.hpp"
#include "tests/unit/anatomy/made_elf.hpp"
#include "tests/unit/anatomy/made_image.hpp"
#include <doctest/doctest.h>
#include <map>
#include <set>

using namespace forerun;
using namespace forerun::anatomy;

namespace {

/// The files of which the prior wants a block of content, with the reason, and the order in which they come.
struct foreseen {
  std::map<std::string, std::string> why;
  std::vector<std::string> order;
};

foreseen foresee(const made_image& made) {
  auto image = made.make("-t ext4 -b 4096", 4096);
  const auto read = map_files(image, {});
  REQUIRE(read);
  const auto& map = read.value();
  const auto prior = boot_prior(map, image, {});
  REQUIRE(prior);
  foreseen found;
  std::set<std::uint64_t> blocks;
  for (const auto& each : prior.value())
    for (auto block = each.where.first; block < each.where.end(); ++block) {
      CHECK(blocks.insert(block).second);
      CHECK(block < image.bytes() / block_bytes);
      const auto piece = map.at(block);
      if (piece && piece->kind == block_kind::file) {
        const auto path = map.path(piece->file);
        if (found.why.emplace(path, to_string(static_cast<boot_reason>(each.detail))).second)
          found.order.push_back(path);
      }
    }
  // The tail of the disk is looked at in any case; no file of these tests lies there.
  return found;
}

/// systemd, with the loader and a library of its own.
void add_systemd(const made_image& made) {
  made.link("sbin/init", "../lib/systemd/systemd");
  made.file("lib/systemd/systemd", made_elf("/lib64/ld.so", {"libcore.so", "libc.so.6"}, "$ORIGIN/own"));
  made.file("lib/systemd/own/libcore.so", made_elf("", {"libc.so.6", "libdeep.so"}));
  made.file("lib/x86_64-linux-gnu/libc.so.6", made_elf("", {}));
  made.file("lib/i386-linux-gnu/libdeep.so", made_elf("", {}, "", EM_386));
  made.file("lib/x86_64-linux-gnu/libdeep.so", made_elf("", {}));
  made.file("lib/x86_64-linux-gnu/libother.so", made_elf("", {}));
  made.file("lib64/ld.so", made_elf("", {}));
}

} // namespace

TEST_CASE("init comes with its loader and the libraries of its libraries, of its own machine only") {
  made_image made;
  add_systemd(made);
  const auto found = foresee(made);
  for (const auto* path : {"/lib/systemd/systemd", "/lib64/ld.so", "/lib/systemd/own/libcore.so",
                           "/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libdeep.so"}) {
    INFO(path);
    CHECK(found.why.contains(path));
  }
  CHECK(found.order.front() == "/lib/systemd/systemd");
  CHECK_FALSE(found.why.contains("/lib/i386-linux-gnu/libdeep.so"));
  CHECK_FALSE(found.why.contains("/lib/x86_64-linux-gnu/libother.so"));
}

TEST_CASE(
    "units that the default target pulls in start their programs, and those it is only ordered by do not") {
  made_image made;
  add_systemd(made);
  const std::string units = "usr/lib/systemd/system/";
  made.link("etc/systemd/system/default.target", "/usr/lib/systemd/system/multi.target");
  made.file(units + "multi.target", "[Unit]\nRequires=base.target\nAfter=late.service\n# Wants=no.service\n");
  made.file(units + "base.target", "[Unit]\nWants=one.service masked.service run@two.service\n");
  made.link("etc/systemd/system/multi.target.wants/app.service", "/usr/lib/systemd/system/app.service");
  made.link("etc/systemd/system/masked.service", "/dev/null");
  for (const std::string name : {"one", "late", "masked", "no", "app"}) {
    made.file(units + name + ".service", "[Service]\nExecStart=-/usr/bin/" + name + " --fast\n");
    made.file("usr/bin/" + name, made_elf("/lib64/ld.so", {}));
  }
  made.file(units + "run@.service", "[Service]\nExecStartPre=@!/usr/bin/instance %i\n");
  made.file("usr/bin/instance", made_elf("/lib64/ld.so", {}));
  const auto found = foresee(made);
  for (const auto* path : {"/usr/bin/one", "/usr/bin/app", "/usr/bin/instance"}) {
    INFO(path);
    REQUIRE(found.why.contains(path));
    CHECK(found.why.at(path) == "program");
  }
  CHECK(found.why.at("/usr/lib/systemd/system/late.service") == "unit");
  for (const auto* path :
       {"/usr/bin/late", "/usr/bin/masked", "/usr/bin/no", "/usr/lib/systemd/system/no.service"}) {
    INFO(path);
    CHECK_FALSE(found.why.contains(path));
  }
}

TEST_CASE(
    "a script brings its interpreter and what it calls, with less belief, and not what it only mentions") {
  made_image made;
  add_systemd(made);
  made.file("lib/systemd/system/default.target", "[Unit]\nWants=s.service\n");
  made.file("lib/systemd/system/s.service", "[Service]\nExecStart=/usr/sbin/s\n");
  made.file("usr/sbin/s",
            "#! /bin/sh -e\n# remark\nx=assigned; cat /etc/x | cut -c1 mentioned\nif sort; then :; fi\n"
            "case $x in pattern) ;; esac\n");
  for (const std::string name :
       {"sh", "cat", "cut", "sort", "mentioned", "assigned", "pattern", "remark", "case"})
    made.file("bin/" + name, made_elf("/lib64/ld.so", {}));
  const auto found = foresee(made);
  CHECK(found.why.at("/usr/sbin/s") == "program");
  CHECK(found.why.at("/bin/sh") == "program");
  for (const auto* path : {"/bin/cat", "/bin/cut", "/bin/sort"}) {
    INFO(path);
    REQUIRE(found.why.contains(path));
    CHECK(found.why.at(path) == "word");
  }
  for (const auto* path : {"/bin/mentioned", "/bin/assigned", "/bin/pattern", "/bin/remark"}) {
    INFO(path);
    CHECK_FALSE(found.why.contains(path));
  }
}

TEST_CASE("modules that units ask for come with those they need, and no others") {
  made_image made;
  add_systemd(made);
  made.file("lib/systemd/system/default.target", "[Unit]\nWants=modprobe@a_b.service\n");
  made.file("lib/systemd/system/modprobe@.service", "[Service]\nExecStart=-/sbin/modprobe -abq %i\n");
  made.file("lib/modules/6.1/modules.dep",
            "kernel/a-b.ko: kernel/c.ko kernel/d.ko\nkernel/e.ko: kernel/f.ko\n");
  for (const std::string name : {"a-b", "c", "d", "e", "f"})
    made.file("lib/modules/6.1/kernel/" + name + ".ko", std::string(9000, 'm'));
  const auto found = foresee(made);
  for (const auto* name : {"a-b", "c", "d"})
    CHECK(found.why.contains(std::string("/lib/modules/6.1/kernel/") + name + ".ko"));
  CHECK_FALSE(found.why.contains("/lib/modules/6.1/kernel/e.ko"));
}

TEST_CASE("another init than systemd runs the scripts of its folders") {
  made_image made;
  made.file("sbin/init", made_elf("", {}));
  made.link("etc/rc2.d/S01web", "../init.d/web");
  made.file("etc/init.d/web", "#!/bin/sh\nserver --now\n");
  made.file("bin/sh", made_elf("", {}));
  made.file("usr/sbin/server", made_elf("", {}));
  const auto found = foresee(made);
  CHECK(found.order.front() == "/sbin/init");
  CHECK(found.why.contains("/etc/init.d/web"));
  CHECK(found.why.contains("/bin/sh"));
  CHECK(found.why.at("/usr/sbin/server") == "word");
}

TEST_CASE("units and scripts that name each other in a circle come to an end") {
  made_image made;
  add_systemd(made);
  made.file("lib/systemd/system/default.target", "[Unit]\nWants=a.service\n");
  made.file("lib/systemd/system/a.service", "[Unit]\nRequires=b.service\n[Service]\nExecStart=/bin/x\n");
  made.file("lib/systemd/system/b.service", "[Unit]\nRequires=a.service default.target\n");
  made.file("bin/x", "#!/bin/y\nx\n");
  made.file("bin/y", "#!/bin/x\ny\n");
  CHECK(foresee(made).why.contains("/bin/x"));
}

TEST_CASE("an image without an init has no boot, and limits end the search for one's") {
  made_image made;
  made.file("etc/hostname", "alpha\n");
  auto image = made.make("-t ext4 -b 4096");
  const auto map = map_files(image, {});
  REQUIRE(map);
  CHECK(boot_prior(map.value(), image, {}).error() == errc::not_found);
  made_image real;
  add_systemd(real);
  auto other = real.make("-t ext4 -b 4096");
  const auto files = map_files(other, {});
  REQUIRE(files);
  CHECK(boot_prior(files.value(), other, {.reads_max = 2}).error() == errc::overloaded);
  CHECK(boot_prior(files.value(), other, {.still_wanted = [] { return false; }}).error() == errc::cancelled);
}
