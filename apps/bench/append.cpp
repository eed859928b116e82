#include "apps/bench/append_peers.hpp"
#include "apps/bench/recorded.hpp"
#include "runtime/host/posix_disk.hpp"
#include "runtime/host/real_clock.hpp"
#include "runtime/provenance/log.hpp"
#include "runtime/replay/load.hpp"
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <future>
#include <random>

// Appends the accesses of a recording, over and over, to the provenance log or to a peer, and prints what
// that took, as JSON. One thread; everybody gets the same batches, and makes them durable once a second.
// The log is checked at the end, while the system still has it in memory.

namespace {

using namespace forerun;
using clock_type = std::chrono::steady_clock;

struct arguments {
  std::string trace;
  std::string to;
  std::string at;
  std::uint64_t records = 0;
};

int fail(std::string_view what, errc why) {
  fmt::print(stderr, "bench-append: {}: {}\n", what, to_string(why));
  return 1;
}

double seconds_since(clock_type::time_point start) {
  return std::chrono::duration<double>(clock_type::now() - start).count();
}

class our_log final : public bench::record_store {
public:
  explicit our_log(std::unique_ptr<host::posix_disk> disk) : disk_(std::move(disk)) {}
  result<void> open() {
    auto opened = provenance::log::open(*disk_, clock_);
    if (!opened)
      return opened.error();
    log_ = std::move(opened).value();
    return success();
  }
  result<void> append(volume_id volume, std::span<const forerun::access> entries) override {
    const auto at = log_->append({.by = by_, .run = {42}, .space = volume.value}, entries);
    if (!at)
      return at.error();
    make_index();
    return log_->write();
  }
  result<void> sync() override { return log_->commit(provenance::durability::synced); }
  const provenance::log& log() const { return *log_; }
  /// Indexes of whole segments are made on another thread, as in the node.
  void make_index() {
    using namespace std::chrono_literals;
    if (making_.valid() && making_.wait_for(0s) == std::future_status::ready)
      log_->indexed(segment_, making_.get());
    if (making_.valid())
      return;
    if (auto job = log_->next_index_job()) {
      segment_ = job->segment;
      making_ = std::async(std::launch::async, std::move(job->work));
    }
  }

private:
  std::unique_ptr<host::posix_disk> disk_;
  host::real_clock clock_;
  const provenance::agent by_{.vm = "alpha", .program = "gcc", .user = "ann", .node = 1};
  std::unique_ptr<provenance::log> log_;
  std::uint32_t segment_ = 0;
  std::future<result<std::shared_ptr<const provenance::segment_index>>> making_;
};

/// The most memory that was resident since `forget`, in bytes.
std::uint64_t peak_resident() {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:"))
      return std::stoull(line.substr(6)) * 1024;
  return 0;
}
void forget_peak() {
  std::ofstream{"/proc/self/clear_refs"} << "5";
}

constexpr std::size_t look_every = 4096;

struct figures {
  double append_s = 0;
  std::uint64_t records = 0;
  std::uint64_t resident = 0; ///< Beyond what the recording takes.
};

result<figures> append(bench::record_store& to, bench::recorded& from, std::uint64_t records) {
  figures out;
  forget_peak();
  const auto before = peak_resident();
  auto synced = clock_type::now();
  std::size_t unlooked = 0; // Records since the clock was looked at.
  while (out.records < records) {
    const auto start = clock_type::now();
    for (const auto& batch : from.batches) {
      if (auto done = to.append(batch.volume, batch.entries); !done)
        return done.error();
      out.records += batch.entries.size();
      unlooked += batch.entries.size();
      if (unlooked < look_every)
        continue;
      unlooked = 0;
      if (const auto now = clock_type::now(); now - synced > std::chrono::seconds{1}) {
        synced = now;
        if (auto done = to.sync(); !done)
          return done.error();
      }
    }
    if (out.records >= records)
      if (auto done = to.sync(); !done)
        return done.error();
    out.append_s += seconds_since(start);
    for (auto& batch : from.batches)
      for (auto& it : batch.entries)
        it.at.ns += from.span_ns;
  }
  out.resident = peak_resident() - before;
  return out;
}

int run(const arguments& wanted) {
  const auto recording = replay::load_trace(wanted.trace);
  if (!recording)
    return fail(wanted.trace, recording.error());
  auto batches = bench::batches_of(recording.value());
  std::unique_ptr<bench::record_store> store;
  our_log* ours = nullptr;
  if (wanted.to == "forerun") {
    auto disk = host::posix_disk::open(wanted.at);
    if (!disk)
      return fail(wanted.at, disk.error());
    auto made = std::make_unique<our_log>(std::move(disk).value());
    if (auto opened = made->open(); !opened)
      return fail(wanted.at, opened.error());
    ours = made.get();
    store = std::move(made);
  } else {
    auto made = wanted.to == "redis"  ? bench::redis_store(wanted.at)
                : wanted.to == "lmdb" ? bench::lmdb_store(wanted.at)
                                      : bench::sqlite_store(wanted.at);
    if (!made)
      return fail(wanted.at, made.error());
    store = std::move(made).value();
  }
  const auto saw = append(*store, batches, wanted.records);
  if (!saw)
    return fail(wanted.at, saw.error());
  const auto& it = saw.value();
  fmt::print(R"({{"records": {}, "records_per_s": {:.0f}, "resident_bytes": {})", it.records,
             static_cast<double>(it.records) / it.append_s, it.resident);
  if (ours != nullptr) {
    const auto bytes = ours->log().bytes();
    const auto start = clock_type::now();
    const auto report = ours->log().verifier()();
    const auto verify_s = seconds_since(start);
    if (!bytes || !report || report.value().first_fault)
      return fail(wanted.at, errc::corrupt);
    fmt::print(R"(, "bytes_per_record": {:.3f}, "verify_bytes_per_s": {:.0f})",
               static_cast<double>(bytes.value()) / static_cast<double>(it.records),
               static_cast<double>(bytes.value()) / verify_s);
  }
  fmt::print("}}\n");
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Appends a recording's accesses to a log, over and over; prints what that took."};
  arguments wanted;
  app.add_option("--trace", wanted.trace, "recording")->required();
  app.add_option("--to", wanted.to, "who keeps them")
      ->required()
      ->check(CLI::IsMember({"forerun", "redis", "lmdb", "sqlite"}));
  app.add_option("--at", wanted.at, "its folder, or socket")->required();
  app.add_option("--records", wanted.records, "how many, at least")->required();
  CLI11_PARSE(app, argc, argv);
  return run(wanted);
}
