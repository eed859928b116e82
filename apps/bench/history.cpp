#include "apps/bench/recorded.hpp"
#include "runtime/host/posix_disk.hpp"
#include "runtime/host/real_clock.hpp"
#include "runtime/provenance/log.hpp"
#include "runtime/replay/load.hpp"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <random>
#include <unistd.h>

// Fills a log with recordings, over and over (unless it has been filled), then asks it for the history of
// elements, with what it reads in the page cache and not, and for sums. Prints what that took, as JSON.

namespace {

using namespace forerun;
using clock_type = std::chrono::steady_clock;

struct arguments {
  std::vector<std::string> traces;
  std::string at;
  std::uint64_t records = 0;
  std::size_t questions = 2000;
  std::size_t cold_questions = 300;
  std::size_t rows = 20;
};

int fail(std::string_view what, errc why) {
  fmt::print(stderr, "bench-history: {}: {}\n", what, to_string(why));
  return 1;
}

void make_indexes(provenance::log& of) {
  while (auto job = of.next_index_job())
    of.indexed(job->segment, job->work());
}

result<void> fill(provenance::log& to, std::vector<bench::recorded>& from, std::uint64_t records) {
  for (std::uint64_t run = 1; to.records() < records; ++run)
    for (std::size_t program = 0; program < from.size(); ++program) {
      const provenance::agent by{
          .vm = "alpha", .program = fmt::format("program-{}", program), .user = "ann", .node = 1};
      for (auto& batch : from[program].batches) {
        const auto space = static_cast<std::uint32_t>(program * 100 + batch.volume.value);
        if (auto at = to.append({.by = by, .run = {run * 10 + program}, .space = space}, batch.entries); !at)
          return at.error();
        if (auto written = to.write(); !written)
          return written;
        for (auto& it : batch.entries)
          it.at.ns += from[program].span_ns;
      }
      make_indexes(to);
    }
  return to.commit(provenance::durability::synced);
}

/// What the system keeps of the log in memory goes.
void drop_pages(const std::string& folder) {
  for (const auto& it : std::filesystem::directory_iterator(folder)) {
    const int file = ::open(it.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0)
      continue;
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
  }
}

/// The system takes all of the log into memory.
void read_pages(const std::string& folder) {
  std::vector<char> some(1 << 20);
  for (const auto& it : std::filesystem::directory_iterator(folder))
    for (std::ifstream file{it.path(), std::ios::binary}; file.read(some.data(), 1 << 20);)
      ;
}

std::uint64_t bytes_of(const std::string& folder, std::string_view suffix) {
  std::uint64_t sum = 0;
  for (const auto& it : std::filesystem::directory_iterator(folder))
    if (it.path().string().ends_with(suffix))
      sum += it.file_size();
  return sum;
}

struct spread {
  std::vector<double> all;
  double at(double share) {
    std::sort(all.begin(), all.end());
    return all[std::min(all.size() - 1, static_cast<std::size_t>(share * static_cast<double>(all.size())))];
  }
};

template <class Ask> double micros(Ask ask) {
  const auto start = clock_type::now();
  ask();
  return std::chrono::duration<double, std::micro>(clock_type::now() - start).count();
}

int run(const arguments& wanted) {
  std::vector<bench::recorded> recordings;
  for (const auto& path : wanted.traces) {
    const auto trace = replay::load_trace(path);
    if (!trace)
      return fail(path, trace.error());
    recordings.push_back(bench::batches_of(trace.value()));
  }
  auto disk = host::posix_disk::open(wanted.at);
  if (!disk)
    return fail(wanted.at, disk.error());
  host::real_clock clock;
  auto opened = provenance::log::open(*disk.value(), clock);
  if (!opened)
    return fail(wanted.at, opened.error());
  auto& log = *opened.value();
  if (auto filled = fill(log, recordings, wanted.records); !filled)
    return fail(wanted.at, filled.error());
  make_indexes(log);
  ::sync();

  std::mt19937_64 random{7};
  std::uint64_t found = 0;
  bool failed = false;
  const auto ask = [&] {
    // An access of the recordings at random, one in ten of an element that nobody touches.
    const auto program = random() % recordings.size();
    const auto& batches = recordings[program].batches;
    const auto& batch = batches[random() % batches.size()];
    const auto space = static_cast<std::uint32_t>(program * 100 + batch.volume.value);
    const auto element = random() % 10 == 0 ? (std::uint64_t{1} << 40) + random()
                                            : batch.entries[random() % batch.entries.size()].where.first;
    return micros([&] {
      const auto rows =
          log.view().last(provenance::of_element(element_kind::block, space, element), wanted.rows);
      failed |= !rows;
      found += rows ? rows.value().size() : 0;
    });
  };
  spread cold, warm, sums;
  for (std::size_t i = 0; i < wanted.cold_questions; ++i) {
    drop_pages(wanted.at);
    cold.all.push_back(ask());
  }
  read_pages(wanted.at);
  for (std::size_t i = 0; i < wanted.questions; ++i)
    warm.all.push_back(ask());
  std::uint64_t counted = 0;
  for (int i = 0; i < 20; ++i)
    sums.all.push_back(micros([&] {
      const auto got = log.view(provenance::sums::known).sum({});
      failed |= !got || !got.value().complete || got.value().segments_read > 0;
      counted = 0;
      for (const auto& row : got.value().rows)
        counted += row.sum.records;
    }));
  if (failed || counted != log.records())
    return fail(wanted.at, errc::corrupt);
  fmt::print(
      R"({{"records": {}, "rows_found": {}, "log_bytes": {}, "index_bytes": {}, "cold_p50_us": {:.1f}, "cold_p99_us": {:.1f}, )"
      R"("warm_p50_us": {:.1f}, "warm_p99_us": {:.1f}, "sum_p50_us": {:.1f}, "sum_max_us": {:.1f}}})"
      "\n",
      log.records(), found, bytes_of(wanted.at, ".log"), bytes_of(wanted.at, ".idx"), cold.at(.5),
      cold.at(.99), warm.at(.5), warm.at(.99), sums.at(.5), sums.at(1));
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Asks a log of recordings for the history of elements and for sums; prints what that took."};
  arguments wanted;
  app.add_option("--trace", wanted.traces, "recording; may be given several times")->required();
  app.add_option("--at", wanted.at, "folder of the log")->required();
  app.add_option("--records", wanted.records, "how many, at least")->required();
  app.add_option("--rows", wanted.rows, "rows of each history");
  app.add_option("--questions", wanted.questions, "so many with a warm page cache");
  app.add_option("--cold", wanted.cold_questions, "so many with a cold one");
  CLI11_PARSE(app, argc, argv);
  return run(wanted);
}
