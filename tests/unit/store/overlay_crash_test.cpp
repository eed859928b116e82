#include "tests/unit/store/overlay_model.hpp"

using namespace forerun;
using namespace forerun::store;
using sim::sim_disk;

namespace {

#ifdef FORERUN_SANITIZED
constexpr std::uint64_t stories = 4; ///< Ten times slower.
constexpr std::uint64_t volumes_crashed = 30;
#else
constexpr std::uint64_t stories = 24;
constexpr std::uint64_t volumes_crashed = 150;
#endif

/// A program that works on a volume: `steps` random things with a flush now and then, and sometimes it ends
/// and begins again. Whatever fails, fails. With `inside` it also writes in the middle of flushes, after one
/// of their disk operations.
void work(std::unique_ptr<overlay>& of, sim_disk& disk, overlay_player& player, int steps, bool inside) {
  for (int i = 0; i < steps; ++i) {
    if (!player.chance().one_in(5)) {
      player.write_something(*of);
      continue;
    }
    if (inside) {
      const auto when = disk.operations() + player.chance().below(4);
      disk.set_hook([&, when, busy = false](std::uint64_t operation) mutable {
        if (busy || operation != when)
          return;
        busy = true;
        player.write_something(*of);
        player.write_something(*of);
      });
    }
    const bool close = player.chance().one_in(3);
    const bool well = player.flush(*of, close);
    disk.set_hook(nullptr);
    if (well && close && !inside) {
      auto again = overlay::open(disk, overlay_name, model_options);
      if (!again) {
        CHECK((again.error() == errc::io_failed ||
               again.error() == errc::no_space)); // The fault of this story.
        return;
      }
      of = std::move(again).value();
    }
  }
}

/// What one fault does to the same story.
using arrange = void (*)(sim_disk&, std::uint64_t operation);

void lose_power(sim_disk& disk, std::uint64_t operation) {
  disk.lose_power_at(operation);
}
void fail_once(sim_disk& disk, std::uint64_t operation) {
  disk.fail_at(operation, errc::io_failed);
}
void fill_once(sim_disk& disk, std::uint64_t operation) {
  disk.fail_at(operation, errc::no_space);
}

/// Plays a story with a fault at one operation, then crashes, and checks what is left and that it goes on.
/// Returns the operations that the story took.
std::uint64_t play(std::uint64_t seed, arrange fault, std::uint64_t operation, std::uint64_t crashes) {
  sim_disk disk{seed};
  overlay_model model;
  overlay_player player{seed, model};
  fault(disk, operation);
  auto opened = overlay::open(disk, overlay_name, model_options);
  if (opened) {
    work(opened.value(), disk, player, 25, seed % 2 == 1);
    if (fault != lose_power && operation < disk.operations())
      model.check_running(*opened.value(), "running");
  }
  const auto operations = disk.operations();
  for (std::uint64_t crash = 0; crash < crashes; ++crash) {
    INFO("seed ", seed, ", fault at operation ", operation, ", crash ", crash);
    auto left = disk.crash(seed * 1000 + crash);
    auto seen = model;
    auto again = overlay::open(*left, overlay_name, model_options);
    REQUIRE(again);
    seen.check_crashed(*again.value(), "after the crash");
    overlay_player next{seed + crash, seen, 2 * first_written};
    work(again.value(), *left, next, 6, false);
    seen.check_running(*again.value(), "going on");
  }
  return operations;
}

void play_all(arrange fault) {
  for (std::uint64_t seed = 1; seed <= stories; ++seed) {
    const auto operations = play(seed, fault, ~std::uint64_t{0}, 3);
    for (std::uint64_t at = 0; at < operations; ++at)
      play(seed, fault, at, 3);
  }
}

} // namespace

TEST_CASE(
    "a flushed write survives a loss of power at any operation, and no block reads as what it never was") {
  play_all(lose_power);
}

TEST_CASE("an error at any operation loses nothing that is flushed before or after it") {
  play_all(fail_once);
}

TEST_CASE("a full disk at any operation loses nothing that is flushed before or after it") {
  play_all(fill_once);
}

TEST_CASE("a volume that crashes again and again keeps what was flushed") {
  for (std::uint64_t seed = 1; seed <= volumes_crashed; ++seed) {
    INFO("seed ", seed);
    auto disk = std::make_unique<sim_disk>(seed);
    overlay_model model;
    overlay_player player{seed, model};
    for (int life = 0; life < 12; ++life) {
      INFO("life ", life);
      disk->lose_power_at(disk->operations() + player.chance().below(60));
      if (auto opened = overlay::open(*disk, overlay_name, model_options)) {
        work(opened.value(), *disk, player, 30, life % 2 == 1);
      } else {
        CHECK(opened.error() == errc::io_failed);
      }
      disk = disk->crash(player.chance().next());
      auto left = overlay::open(*disk, overlay_name, model_options);
      REQUIRE(left);
      model.check_crashed(*left.value(), "after the crash");
    }
  }
}
