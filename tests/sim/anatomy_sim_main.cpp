#include "runtime/anatomy/boot.hpp"
#include "runtime/base/block_set.hpp"
#include "tests/sim/boot_sim.hpp"
#include <array>
#include <chrono>
#include <fmt/core.h>
#include <fstream>

/// anatomy_sim IMAGE RECORDING...: what boots of an image read, by kind, and what its analysis foresaw of
/// that. The recordings must be of this very image: a rebuilt one has its files elsewhere.
using namespace forerun;
using namespace forerun::anatomy;

namespace {

class image_file final : public image_reader {
public:
  explicit image_file(const char* path)
      : in_(path, std::ios::binary | std::ios::ate), bytes_(in_ ? in_.tellg() : std::streampos{0}) {}
  std::uint64_t bytes() const override { return static_cast<std::uint64_t>(bytes_); }
  result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
    in_.seekg(static_cast<std::streamoff>(offset));
    in_.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
    touched.push_back(blocks_touched(offset, into.size()));
    return in_ ? success() : result<void>(errc::io_failed);
  }
  std::vector<extent> touched;

private:
  std::ifstream in_;
  std::streamoff bytes_;
};

block_set set_of(const std::vector<extent>& extents) {
  block_set blocks;
  for (const auto& each : extents)
    for (auto block = each.first; block < each.end(); ++block)
      blocks.insert(block);
  return blocks;
}

double share(double part, double whole) {
  return whole == 0 ? 0 : 100 * part / whole;
}

/// Times a step and says what it read of the image.
template <class Step> auto measured(const char* name, image_file& image, Step step) {
  image.touched.clear();
  const auto from = std::chrono::steady_clock::now();
  auto done = step();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - from;
  std::uint64_t blocks = 0;
  for (const auto& each : image.touched)
    blocks += each.count;
  fmt::print("{}: {:.0f} ms, {} reads of {:.1f} MiB\n", name, took.count(), image.touched.size(),
             static_cast<double>(blocks) * block_bytes / (1 << 20));
  return done;
}

void report(const file_map& map, const std::vector<prediction>& prior, const char* recording,
            const block_set& analysed) {
  const auto steps = boot_sim::read_boot(recording, {});
  if (!steps) {
    fmt::print("{}: not read\n", recording);
    return;
  }
  std::vector<extent> extents;
  for (const auto& step : *steps)
    extents.insert(extents.end(), step.reads.begin(), step.reads.end());
  const auto read = set_of(extents);
  fmt::print("\n{}: {} blocks read\n{:<12} {:>7} {:>7}\n", recording, read.size(), "kind", "blocks", "share");
  std::array<std::uint64_t, block_kinds> kinds{};
  std::uint64_t free = 0, both = 0;
  read.each([&](std::uint64_t block) {
    both += analysed.contains(block);
    if (const auto piece = map.at(block))
      ++kinds[static_cast<std::size_t>(piece->kind)];
    else
      ++free;
  });
  for (std::size_t kind = 0; kind < kinds.size(); ++kind)
    fmt::print("{:<12} {:>7} {:>6.1f}%\n", to_string(static_cast<block_kind>(kind)), kinds[kind],
               share(static_cast<double>(kinds[kind]), static_cast<double>(read.size())));
  fmt::print("{:<12} {:>7} {:>6.1f}%\n", "free", free,
             share(static_cast<double>(free), static_cast<double>(read.size())));
  fmt::print("\n{:<12} {:>9} {:>7} {:>9} {:>8}\n", "reason", "predicted", "read", "precision", "coverage");
  std::array<std::uint64_t, boot_reasons + 1> said{}, right{};
  for (const auto& each : prior)
    for (auto block = each.where.first; block < each.where.end(); ++block)
      for (const auto row : {std::size_t{each.detail}, std::size_t{boot_reasons}}) {
        ++said[row];
        right[row] += read.contains(block);
      }
  for (std::size_t row = 0; row < said.size(); ++row)
    fmt::print("{:<12} {:>9} {:>7} {:>8.1f}% {:>7.1f}%\n",
               row == boot_reasons ? "all" : to_string(static_cast<boot_reason>(row)), said[row], right[row],
               share(static_cast<double>(right[row]), static_cast<double>(said[row])),
               share(static_cast<double>(right[row]), static_cast<double>(read.size())));
  fmt::print("of {} blocks that the analysis read, the boot read {:.1f}%\n", analysed.size(),
             share(static_cast<double>(both), static_cast<double>(analysed.size())));
}

/// A first boot over an origin 10 ms and 1 Gbit/s away: on demand, by its reads alone, and with the look at
/// the image that ends so much later than the boot begins.
void play(const std::vector<prediction>& prior, const char* recording, const std::vector<extent>& touched) {
  const auto steps = boot_sim::read_boot(recording, {});
  if (!steps)
    return;
  const auto run = [&](const char* name, bool ahead, const boot_sim::first_look* look, double on_demand) {
    predict::history history;
    predict::mix mix;
    const auto ran = boot_sim::play(*steps, "", {}, history, ahead, &mix, look);
    fmt::print("{:<28} {:>8.3f} {:>6.2f} {:>7.3f} {:>9.3f} {:>9.3f}\n", name, ran.wait(),
               ran.wait() / (on_demand > 0 ? on_demand : ran.wait()), ran.traffic(), ran.accuracy(),
               ran.coverage());
    return ran.wait();
  };
  fmt::print("\n{:<28} {:>8} {:>6} {:>7} {:>9} {:>9}\n", "first boot", "wait s", "share", "bytes", "accuracy",
             "coverage");
  const auto plain = run("on demand", false, nullptr, 0);
  run("by its reads", true, nullptr, plain);
  for (const auto after : {0, 500, 2000, 5000}) {
    const boot_sim::first_look look{std::chrono::milliseconds{after}, predict::foresight{prior}, touched};
    run(fmt::format("and the image after {} ms", after).c_str(), true, &look, plain);
  }
}

} // namespace

int main(int count, char** words) {
  if (count < 3) {
    fmt::print(stderr, "usage: anatomy_sim IMAGE RECORDING.csv.gz...\n");
    return 2;
  }
  image_file image(words[1]);
  const auto map = measured("file map", image, [&] { return map_files(image, {}); });
  if (!map) {
    fmt::print(stderr, "{}: {}\n", words[1], to_string(map.error()));
    return 1;
  }
  fmt::print("{} files, {} pieces, {} problems, {} KiB of memory\n", map.value().files(),
             map.value().pieces().size(), map.value().problems(), map.value().memory() >> 10);
  auto touched = image.touched;
  const auto prior = measured("boot prior", image, [&] { return boot_prior(map.value(), image, {}); });
  if (!prior) {
    fmt::print(stderr, "{}: {}\n", words[1], to_string(prior.error()));
    return 1;
  }
  touched.insert(touched.end(), image.touched.begin(), image.touched.end());
  const auto analysed = set_of(touched);
  for (int each = 2; each < count; ++each) {
    report(map.value(), prior.value(), words[each], analysed);
    play(prior.value(), words[each], touched);
  }
  return 0;
}
