#include "runtime/provenance/log.hpp"
#include "runtime/replay/load.hpp"
#include "tests/support/memory_disk.hpp"
#include <cstdio>
#include <ctime>
#include <fmt/format.h>
#include <random>

/// Measures the provenance log on a recorded trace: usage: provenance_bench TRACE.csv.gz [RECORDS]
/// Files are kept in memory: it measures the log, not a disk, in processor time. The trace is repeated until
/// so many records are written (3,000,000 unless said). Latencies are drawn at random, as traces have none:
/// 19 of 20 are 5 to 40 us, the others about 10 ms.
namespace {

using namespace forerun;

/// Processor time: all of it is computation, and other programs on the machine then do not count.
double seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

struct load {
  std::vector<access_batch> batches;
  std::int64_t span_ns = 0; ///< From the first request to the last.
};

/// Batches as the data path makes them: of one volume, at most `access_batch_max`.
result<load> read_trace(const char* path) {
  const auto trace = replay::load_trace(path);
  if (!trace)
    return trace.error();
  load out;
  std::mt19937_64 random{1};
  for (const auto& from : trace.value().entries) {
    if (from.what == trace::action::flush)
      continue;
    const auto volume = from.volume + 1u;
    const bool read = from.what == trace::action::read, miss = random() % 20 == 0;
    // Traces have microseconds; what lies below them is noise, as it is in life.
    out.span_ns = static_cast<std::int64_t>(from.at_us * 1000 + random() % 1000);
    forerun::access it;
    it.at = {1'790'000'000'000'000'000 + out.span_ns};
    it.latency = std::chrono::microseconds{miss ? 9'800 + random() % 900 : 5 + random() % 35};
    it.bytes = from.length;
    it.where = blocks_touched(from.offset, from.length);
    it.op = read ? operation::read : from.what == trace::action::trim ? operation::remove : operation::write;
    it.how = !read ? outcome::none : miss ? outcome::miss : outcome::hit;
    auto& batches = out.batches;
    if (batches.empty() || batches.back().volume.value != volume ||
        batches.back().entries.size() == access_batch_max)
      batches.push_back({.volume = {volume}, .run = {42}, .entries = {}});
    batches.back().entries.push_back(it);
  }
  return out;
}

} // namespace

int main(int argc, char** argv) {
  const std::uint64_t wanted = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 3'000'000;
  auto trace = argc > 1 ? read_trace(argv[1]) : result<load>{errc::invalid_argument};
  if (!trace || trace.value().batches.empty()) {
    std::fputs("usage: provenance_bench TRACE.csv.gz [RECORDS]\n", stderr);
    return 1;
  }
  auto& [batches, span_ns] = trace.value();
  memory_disk disk;
  manual_clock clock;
  auto opened = provenance::log::open(disk, clock);
  auto& log = *opened.value();
  const provenance::agent by{.vm = "alpha", .program = "gcc", .user = "ann", .node = 1};

  double spent = 0;
  while (log.records() < wanted) {
    const auto start = seconds();
    for (const auto& batch : batches) {
      if (!log.append(by, batch) || !log.write())
        return 1;
    }
    spent += (seconds() - start);
    for (auto& batch : batches)
      for (auto& it : batch.entries)
        it.at.ns += span_ns;
  }
  if (!log.commit(provenance::durability::synced))
    return 1;
  std::uint64_t bytes = 0;
  for (const auto& [name, file] : disk.files)
    bytes += file.size();
  const auto records = static_cast<double>(log.records());
  fmt::print("{:.0f} records, {:.2f} bytes each, {} segments\n", records,
             static_cast<double>(bytes) / records, disk.files.size());
  fmt::print("append  {:.2f} M records/s, chained\n", records / spent / 1e6);

  auto start = seconds();
  const auto report = log.verify();
  if (!report || report.value().first_fault)
    return 1;
  fmt::print("verify  {:.2f} GB/s\n", static_cast<double>(bytes) / (seconds() - start) / 1e9);

  start = seconds();
  std::uint64_t sum = 0;
  if (!log.scan({.records_max = ~std::size_t{0}},
                [&](const auto&, const auto& it) { return sum += it.bytes, true; }))
    return 1;
  fmt::print("scan    {:.2f} M records/s\n", records / (seconds() - start) / 1e6);

  start = seconds();
  const auto& last = batches.back().entries.back();
  const auto found = log.history(batches.back().volume, last.where.first, 100);
  fmt::print("history of a block: {} entries in {:.2f} ms\n", found.value().size(),
             (seconds() - start) * 1e3);
  return 0;
}
