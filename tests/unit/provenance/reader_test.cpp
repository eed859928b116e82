#include "runtime/provenance/log.hpp"
#include "tests/unit/provenance/samples.hpp"
#include <array>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <unistd.h>

using namespace forerun;
using namespace forerun::provenance;

namespace {

/// The line that the Python reader prints for a record whose names need no escapes.
std::string as_json(const context& by, const record& what) {
  const auto digest_text = what.written == digest{} ? std::string{} : hex(what.written);
  return fmt::format(
      R"({{"position":{},"time_ns":{},"vm":"{}","program":"{}","user":"{}","node":{},"run":{},"kind":{},)"
      R"("space":{},"operation":"{}","first":{},"count":{},"bytes":{},"outcome":"{}","latency_us":{},"digest":"{}","version":{},"value":"{}"}})",
      what.position, what.at.ns, by.by.vm, by.by.program, by.by.user, by.by.node, by.run.value,
      static_cast<unsigned>(by.kind), by.space, to_string(what.op), what.where.first, what.where.count,
      what.bytes, to_string(what.how), what.latency.count() / 1000, digest_text, what.version, what.value);
}

/// The files of a fake disk in a real folder, removed at the end.
struct folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("forerun-provenance-{}", ::getpid());

  explicit folder(const memory_disk& disk) {
    std::filesystem::create_directories(path);
    for (const auto& [name, file] : disk.files)
      std::ofstream{path / name, std::ios::binary}.write(reinterpret_cast<const char*>(file.data()),
                                                         static_cast<std::streamsize>(file.size()));
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() { std::filesystem::remove_all(path); }
};

} // namespace

TEST_CASE("a reader written from the format page alone reads the same records") {
  if (std::system("python3 -c '' 2>/dev/null") != 0) {
    MESSAGE("skipped: there is no python3");
    return;
  }
  memory_disk disk;
  const auto made = opened(disk, small_limits, &somebody());
  auto& log = *made;
  auto extreme = accesses(20, 5);
  extreme[3].at = {-5};
  extreme[7].at = {std::numeric_limits<std::int64_t>::max()};
  extreme[11].where.first = element_limit - 1;
  extreme[12].op = operation::remove;
  for (int i = 0; i < 60; ++i)
    REQUIRE(
        log.append(who(i % 9), i == 30 ? extreme : accesses(30, static_cast<std::uint64_t>(i))).has_value());
  // Short values, one that is kept as its digest, and many that are worth a zstd frame.
  const auto some = accesses(400, 3);
  std::vector<std::string> texts(400);
  std::vector<detail> details(400);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    texts[i] = i % 3 == 0 ? "" : i == 100 ? std::string(value_bytes_max + 1, 'x') : fmt::format("user:{}", i);
    details[i] = {i % 4 == 0 ? 0 : ~std::uint64_t{0} / (i + 1), texts[i]};
  }
  for (std::size_t i = 0; i < texts.size(); i += 100)
    REQUIRE(
        log.append(who(2), std::span{some}.subspan(i, 100), std::span{details}.subspan(i, 100)).has_value());
  REQUIRE(log.commit(durability::synced).has_value());
  for (const std::uint64_t bytes_kept : {1u << 20, 20'000u}) {
    CAPTURE(bytes_kept);
    while (log.retain({.bytes_max = bytes_kept}).value())
      ;
    CHECK((read_all(log).front().what.position > 0) == (bytes_kept == 20'000));
    std::string expected;
    for (const auto& it : read_all(log))
      expected += as_json(it.who, it.what) + '\n';

    const folder files{disk};
    const auto command = fmt::format("python3 tests/support/read_provenance.py '{}'", files.path.string());
    auto* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string got;
    std::array<char, 65536> part;
    for (std::size_t count; (count = std::fread(part.data(), 1, part.size(), pipe)) > 0;)
      got.append(part.data(), count);
    CHECK(::pclose(pipe) == 0);
    CHECK(got.size() == expected.size());
    CHECK((got == expected));
  }
}
