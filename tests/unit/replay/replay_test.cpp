#include "runtime/replay/load.hpp"
#include "runtime/replay/replay.hpp"
#include "tests/unit/nbd/stage.hpp"
#include "tests/unit/nbd/threaded_device.hpp"
#include "tests/unit/replay/sparse_device.hpp"
#include <doctest/doctest.h>
#include <fstream>

using namespace forerun;
using namespace std::chrono_literals;
using nbd::command;

namespace {

constexpr std::uint64_t seed = 7;

/// A sparse volume behind a real server, and a client of it.
struct served {
  explicit served(std::uint64_t bytes = 64u << 20, bool read_only = false)
      : device(
            std::make_shared<replay::sparse_device>(nbd::export_info{"disk", "", bytes, read_only}, seed)) {
    names.add(device);
    on = std::make_unique<nbd::stage>(names);
    client.emplace(nbd::client::connect(parse_address("unix:" + on->path()).value(), "disk").value());
  }
  result<replay::replay_report> run(const std::string& rows, replay::replay_options options = {}) {
    options.content = [](std::uint64_t block, auto out) { origin::pattern_block(seed, block, out); };
    return replay::run(*client, trace::parse(rows).value(), options);
  }
  std::shared_ptr<replay::sparse_device> device;
  nbd::exports_map names;
  std::unique_ptr<nbd::stage> on;
  std::optional<nbd::client> client;
};

} // namespace

TEST_CASE("every block that is read is verified against the image") {
  served over;
  const auto saw = over.run("0,a,R,0,4096\n1,a,R,1048576,1048576\n2,a,R,512,8192\n").value();
  CHECK(saw.reads == 3);
  CHECK(saw.read_bytes == 4096 + 1048576 + 8192);
  CHECK(saw.distinct_bytes == (1 + 256 + 2) * 4096);
  CHECK(saw.contents.blocks == 1 + 256 + 3);
  CHECK(saw.contents.mismatches == 0);
  CHECK(saw.failed == 0);
}

TEST_CASE("one wrong bit is found and named by its block") {
  served over;
  over.device->spoil(1048576 + 5 * 4096 + 17);
  const auto saw = over.run("0,a,R,0,4096\n1,a,R,1048576,1048576\n").value();
  CHECK(saw.contents.mismatches == 1);
  CHECK(saw.contents.first_bad == 256 + 5);
}

TEST_CASE("writes are replayed, and what is read afterwards is what they wrote") {
  served over;
  const auto saw = over.run("0,a,R,0,8192\n"
                            "1,a,W,512,1024\n"
                            "2,a,R,0,8192\n"
                            "3,a,W,0,4096\n"
                            "4,a,F,0,0\n"
                            "5,a,R,0,4096\n"
                            "6,a,Z,4096,4096\n"
                            "7,a,R,4096,4096\n"
                            "8,a,D,0,512\n"
                            "9,a,R,0,4096\n"
                            "10,a,W,0,512\n"
                            "11,a,R,0,4096\n")
                       .value();
  CHECK(saw.writes == 3);
  CHECK(saw.write_bytes == 1024 + 4096 + 512);
  CHECK(saw.flushes == 1);
  CHECK(saw.others == 2);
  CHECK(saw.contents.mismatches == 0);
  CHECK(saw.contents.unknown == 1);
  CHECK(saw.contents.blocks == 2 + 2 + 1 + 1 + 1);
}

TEST_CASE("a write that was lost is found") {
  replay::expected_volume expected(nullptr, 1);
  std::vector<std::byte> first(4096);
  expected.write(0, first);
  CHECK(expected.compare(0, first).mismatches == 0);
  std::vector<std::byte> second(4096);
  expected.write(0, second);
  CHECK(expected.compare(0, second).mismatches == 0);
  CHECK(expected.compare(0, first).mismatches == 1);
}

TEST_CASE("blocks that were written whole before they were read are not the image's") {
  served over;
  const auto saw = over.run("0,a,W,0,4096\n1,a,W,4096,512\n2,a,R,0,12288\n").value();
  CHECK(saw.distinct_bytes == 3 * 4096);
  CHECK(saw.distinct_image_bytes == 2 * 4096);
}

TEST_CASE("requests reach the server in the recorded order") {
  served over;
  CHECK(over.run("0,a,R,4096,512\n1,a,R,0,512\n5000,a,F,0,0\n5001,a,W,8192,4096\n5002,a,R,512,512\n")
            .has_value());
  const auto asked = over.device->all();
  REQUIRE(asked.size() == 5);
  CHECK(asked[0].offset == 4096);
  CHECK(asked[1].offset == 0);
  CHECK(asked[2].kind == command::flush);
  CHECK(asked[3].kind == command::write);
  CHECK(asked[4].offset == 512);
}

TEST_CASE("gaps over two milliseconds are think time, divided by the speed; shorter ones are none") {
  served over;
  const auto saw = over.run("0,a,R,0,512\n2000,a,R,512,512\n4001,a,R,1024,512\n104001,a,R,0,512\n").value();
  CHECK(saw.think == 10200100ns);
  CHECK(saw.wall >= saw.think);
  CHECK(saw.wait == saw.wall - saw.think);
  const auto asked = over.device->all();
  CHECK(asked[3].at - asked[2].at >= 10ms);
  CHECK(over.run("0,a,R,0,512\n100000,a,R,512,512\n", {.speed = 50}).value().think == 2ms);
}

TEST_CASE("a serial guest thinks in gaps over 150 microseconds") {
  served over;
  const auto* rows = "0,a,R,0,512\n150,a,R,512,512\n301,a,R,1024,512\n";
  CHECK(over.run(rows, {.speed = 1, .serial = true}).value().think == 151us);
  CHECK(over.run(rows, {.speed = 1}).value().think == 0us);
}

TEST_CASE("think time begins when all earlier reads are answered, and shorter gaps are issued together") {
  const auto device =
      std::make_shared<nbd::threaded_device>(nbd::export_info{"disk", "", 1u << 20, false}, 1);
  nbd::exports_map names;
  names.add(device);
  nbd::stage on(names);
  device->answer_to(on.server());
  device->hold(true);
  auto client = nbd::client::connect(parse_address("unix:" + on.path()).value(), "disk").value();
  result<replay::replay_report> saw = errc::cancelled;
  std::thread guest([&] {
    saw = replay::run(
        client, trace::parse("0,a,R,0,512\n100,a,R,512,512\n200,a,R,1024,512\n9000,a,R,0,512\n").value(),
        {.speed = 100});
  });
  while (device->waiting() < 3)
    std::this_thread::sleep_for(1ms);
  // The think time is 90 microseconds; nothing comes while the reads are open.
  std::this_thread::sleep_for(30ms);
  CHECK(device->waiting() == 3);
  device->hold(false);
  guest.join();
  REQUIRE(saw);
  CHECK(saw.value().stall >= 30ms);
  CHECK(saw.value().reads_waited >= 3);
  CHECK(saw.value().read_p99 >= 30ms);
}

TEST_CASE("a request that the server answers with an error is counted, and the replay goes on") {
  served over;
  over.device->fail_at = 4096;
  const auto saw = over.run("0,a,R,0,512\n1,a,R,4096,512\n2,a,R,512,512\n").value();
  CHECK(saw.failed == 1);
  CHECK(saw.contents.blocks == 2);
}

TEST_CASE("what cannot be replayed is refused before it starts") {
  served over(1u << 20, true);
  CHECK(over.run("0,a,R,1048576,512\n").error() == errc::out_of_range);
  CHECK(over.run("0,a,W,0,512\n").error() == errc::read_only);
  CHECK(over.run("0,a,R,0,512\n", {.speed = 0}).error() == errc::invalid_argument);
  CHECK(over.run("0,a,R,0,512\n", {.volume = 1}).error() == errc::invalid_argument);
  CHECK(over.device->all().empty());
}

TEST_CASE("progress is told, and ends the replay when it says so") {
  served over;
  std::size_t calls = 0;
  const auto stop =
      over.run("0,a,R,0,512\n5000,a,R,512,512\n10000,a,R,1024,512\n", {.on_progress =
                                                                           [&](const replay::progress& now) {
                                                                             CHECK(now.entries == 3);
                                                                             return ++calls < 2;
                                                                           },
                                                                       .progress_every = 0ns});
  CHECK(stop.error() == errc::cancelled);
  CHECK(calls == 2);
}

TEST_CASE("the sample recordings are whole, and a volume under their boot holds what it should") {
  for (const auto* name : {"tests/data/boot/alpha-none-1.csv.gz", "tests/data/boot/alpha-none-2.csv.gz"}) {
    const auto boot = replay::load_trace(name).value();
    CHECK(boot.rows_broken == 0);
    CHECK(boot.volumes == std::vector<std::string>{"alpha"});
    CHECK(boot.entries.size() > 1100);
    CHECK(boot.bytes_needed() <= 560u << 20);
    served over(560u << 20);
    replay::replay_options options{.speed = 10000};
    options.content = [](std::uint64_t block, auto out) { origin::pattern_block(seed, block, out); };
    const auto saw = replay::run(*over.client, boot, options).value();
    CHECK(saw.reads > 900);
    CHECK(saw.writes > 100);
    CHECK(saw.failed == 0);
    CHECK(saw.contents.blocks > 9000);
    CHECK(saw.contents.mismatches == 0);
  }
}

TEST_CASE("a recording that is missing, cut off or no recording is refused") {
  CHECK(replay::load_trace("tests/data/boot/none.csv.gz").error() == errc::not_found);
  const auto path = std::filesystem::temp_directory_path() / ("forerun-cut-" + std::to_string(::getpid()));
  std::ifstream whole("tests/data/boot/alpha-none-1.csv.gz", std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(whole), {});
  bytes.resize(bytes.size() / 2);
  std::ofstream(path, std::ios::binary) << bytes;
  CHECK(replay::load_trace(path).error() == errc::corrupt);
  std::ofstream(path, std::ios::binary) << "hello\n";
  CHECK(replay::load_trace(path).error() == errc::invalid_argument);
  std::filesystem::remove(path);
}
