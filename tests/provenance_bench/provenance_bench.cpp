#include "runtime/provenance/log.hpp"
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <map>
#include <random>
#include <string>
#include <zlib.h>

/// Measures the provenance log on a recorded trace: usage: provenance_bench TRACE.csv.gz [RECORDS]
/// Columns of the trace: ts_us,volume,op,offset_bytes,length_bytes. The trace is repeated until so many
/// records are written (3,000,000 unless said). Latencies are drawn at random, as traces have none: 19 of 20
/// are 5 to 40 us, the others about 10 ms.
namespace {

using namespace forerun;
using stopwatch = std::chrono::steady_clock;

/// Takes what is written and keeps only the last file, in memory: measures the log, not a disk.
class memory_disk final : public disk {
public:
  std::map<std::string, std::vector<std::byte>> files;

  class file final : public disk_file {
  public:
    explicit file(std::vector<std::byte>& bytes) : bytes_(bytes) {}
    result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override {
      const auto count =
          std::min<std::size_t>(into.size(), bytes_.size() - std::min<std::size_t>(offset, bytes_.size()));
      std::copy_n(bytes_.data() + offset, count, into.data());
      return count;
    }
    result<void> write(std::uint64_t offset, std::span<const std::byte> data) override {
      bytes_.resize(std::max<std::size_t>(bytes_.size(), offset + data.size()));
      std::copy(data.begin(), data.end(), bytes_.data() + offset);
      return success();
    }
    result<void> sync_data() override { return success(); }
    result<void> punch(std::uint64_t, std::uint64_t) override { return success(); }
    result<void> resize(std::uint64_t length) override {
      bytes_.resize(length);
      return success();
    }
    result<std::uint64_t> size() override { return std::uint64_t{bytes_.size()}; }

  private:
    std::vector<std::byte>& bytes_;
  };

  result<std::unique_ptr<disk_file>> open(std::string_view name, bool create) override {
    const auto found = files.find(std::string{name});
    if (found == files.end() && !create)
      return errc::not_found;
    auto& bytes = files[std::string{name}];
    bytes.reserve(provenance::segment_bytes_limit);
    return std::unique_ptr<disk_file>{new file{bytes}};
  }
  result<void> remove(std::string_view) override { return errc::unsupported; }
  result<void> rename(std::string_view, std::string_view) override { return errc::unsupported; }
  result<void> sync_names() override { return success(); }
  result<std::vector<std::string>> list() override {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files)
      names.push_back(name);
    return names;
  }
};

std::vector<access_batch> read_trace(const char* path, std::int64_t& span_ns) {
  std::vector<access_batch> batches;
  std::mt19937_64 random{1};
  std::map<std::string, std::uint32_t, std::less<>> volumes;
  auto* file = gzopen(path, "rb");
  if (file == nullptr)
    return batches;
  char line[512];
  gzgets(file, line, sizeof line);
  while (gzgets(file, line, sizeof line) != nullptr) {
    std::array<std::string_view, 5> field;
    std::string_view rest{line};
    for (auto& it : field) {
      const auto end = std::min(rest.find_first_of(",\n"), rest.size());
      it = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    auto number = [](std::string_view text) {
      std::uint64_t value = 0;
      std::from_chars(text.data(), text.data() + text.size(), value);
      return value;
    };
    const auto volume = volumes.try_emplace(std::string{field[1]}, volumes.size() + 1).first->second;
    forerun::access it;
    span_ns = static_cast<std::int64_t>(number(field[0]) * 1000 + random() % 1000);
    it.at = {1'790'000'000'000'000'000 + span_ns};
    it.bytes = static_cast<std::uint32_t>(number(field[4]));
    it.where = blocks_touched(number(field[3]), it.bytes);
    it.op = field[2] == "R" ? operation::read : field[2] == "D" ? operation::remove : operation::write;
    const bool miss = random() % 20 == 0;
    it.how = it.op != operation::read ? outcome::none : miss ? outcome::miss : outcome::hit;
    it.latency = std::chrono::microseconds{miss ? 9'800 + random() % 900 : 5 + random() % 35};
    if (batches.empty() || batches.back().volume.value != volume ||
        batches.back().entries.size() == access_batch_max)
      batches.push_back({.volume = {volume}, .run = {42}, .entries = {}});
    batches.back().entries.push_back(it);
  }
  gzclose(file);
  return batches;
}

double seconds_since(stopwatch::time_point start) {
  return std::chrono::duration<double>(stopwatch::now() - start).count();
}

} // namespace

int main(int argc, char** argv) {
  const std::uint64_t wanted = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 3'000'000;
  std::int64_t span_ns = 0;
  auto batches = argc > 1 ? read_trace(argv[1], span_ns) : std::vector<access_batch>{};
  if (batches.empty()) {
    std::fputs("usage: provenance_bench TRACE.csv.gz [RECORDS]\n", stderr);
    return 1;
  }
  memory_disk disk;
  manual_clock clock;
  auto opened = provenance::log::open(disk, clock);
  auto& log = *opened.value();
  const provenance::agent by{.vm = "alpha", .program = "gcc", .user = "ann", .node = 1};

  double spent = 0;
  while (log.records() < wanted) {
    const auto start = stopwatch::now();
    for (const auto& batch : batches) {
      if (!log.append(by, batch) || !log.write())
        return 1;
    }
    spent += seconds_since(start);
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
  fmt::print("append  {:.2f} M records/s, chained, one thread\n", records / spent / 1e6);

  auto start = stopwatch::now();
  const auto report = log.verify();
  if (!report || report.value().first_fault)
    return 1;
  fmt::print("verify  {:.2f} GB/s\n", static_cast<double>(bytes) / seconds_since(start) / 1e9);

  start = stopwatch::now();
  std::uint64_t sum = 0;
  if (!log.scan({.records_max = ~std::size_t{0}},
                [&](const auto&, const auto& it) { return sum += it.bytes, true; }))
    return 1;
  fmt::print("scan    {:.2f} M records/s\n", records / seconds_since(start) / 1e6);

  start = stopwatch::now();
  const auto& last = batches.back().entries.back();
  const auto found = log.history(batches.back().volume, last.where.first, 100);
  fmt::print("history of a block: {} entries in {:.2f} ms\n", found.value().size(),
             seconds_since(start) * 1e3);
  return 0;
}
