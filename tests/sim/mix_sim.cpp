/// Replays a block trace against a simulated cache and the mix of experts, without time: what is prefetched
/// is there at once. Blocks of one request arrive together, so that none of them predicts another of its own
/// request. Writes count as reads, as in a cache that allocates on write.
#include "runtime/cache/policy.hpp"
#include "runtime/predict/mix.hpp"
#include "runtime/replay/load.hpp"
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <chrono>
#include <cstring>
#include <fmt/core.h>
#include <string>

using namespace forerun;

namespace {

constexpr unsigned volume_shift = 33; ///< Volumes lie one after the other in one space of blocks.

struct options {
  std::string trace;
  double cache = 0.1; ///< Of the blocks that the trace touches.
  double gap_ms = 0;  ///< Between requests; 0: as recorded.
  double delay_ms = 10;
  bool fill = true;
  bool reads_only = false;
  bool bins = false; ///< Print the reliability table.
  std::size_t volumes = 1000;
  predict::mix_limits mix;
};

struct figures {
  std::uint64_t touches = 0, misses = 0, requests = 0, requests_missed = 0;
  std::uint64_t prefetched = 0, used = 0;
  double microseconds = 0; ///< In the mix, per block touched.
};

class simulated_cache final : public residency {
public:
  simulated_cache(cache::policy_kind kind, std::size_t capacity)
      : policy_(cache::make_policy(kind, capacity)), capacity_(capacity) {}

  bool absent(std::uint64_t block) const override { return !policy_->contains(cache::cache_key{block}); }
  std::uint64_t blocks() const override { return std::uint64_t{1} << 40; }
  bool contains(std::uint64_t block) const { return !absent(block); }
  /// The block comes in; returns a prefetched block that had to leave unread, or -1.
  template <class gone> void admit(std::uint64_t block, cache::admit_kind kind, gone unread_left) {
    while (policy_->size() >= capacity_) {
      const auto victim = policy_->victim({});
      if (!victim)
        break;
      if (unread_.erase(victim->value))
        unread_left(victim->value);
    }
    policy_->admit({block}, kind);
    if (kind == cache::admit_kind::prefetch)
      unread_.insert(block);
  }
  /// Returns true at the first use of a prefetched block.
  bool touch(std::uint64_t block) {
    policy_->touched({block});
    return unread_.erase(block) > 0;
  }
  void keep(std::uint64_t block) { policy_->protect({block}); }

private:
  std::unique_ptr<cache::policy> policy_;
  std::size_t capacity_;
  absl::flat_hash_set<std::uint64_t> unread_;
};

std::vector<forerun::access> accesses_of(const trace::boot_trace& trace, const options& given) {
  std::vector<forerun::access> accesses;
  for (const auto& one : trace.entries) {
    const bool data =
        one.what == trace::action::read || (one.what == trace::action::write && !given.reads_only);
    if (!data || one.length == 0 || one.volume >= given.volumes)
      continue;
    forerun::access next;
    next.where = blocks_touched(one.offset, one.length);
    next.where.first += std::uint64_t{one.volume} << volume_shift;
    next.bytes = one.length;
    const auto at_us = given.gap_ms > 0 ? static_cast<double>(accesses.size()) * given.gap_ms * 1e3
                                        : static_cast<double>(one.at_us);
    next.arrived = instant{nanos{static_cast<std::int64_t>(at_us * 1e3)}};
    accesses.push_back(next);
  }
  return accesses;
}

figures plain(const std::vector<forerun::access>& accesses, cache::policy_kind kind, std::size_t capacity) {
  figures seen;
  simulated_cache here(kind, capacity);
  for (const auto& one : accesses)
    for (auto block = one.where.first; block < one.where.end(); ++block) {
      ++seen.touches;
      if (here.contains(block)) {
        here.touch(block);
      } else {
        ++seen.misses;
        here.admit(block, cache::admit_kind::demand, [](std::uint64_t) {});
      }
    }
  return seen;
}

figures with_mix(const std::vector<forerun::access>& accesses, std::size_t capacity, const options& given,
                 predict::mix& mix) {
  figures seen;
  simulated_cache here(cache::policy_kind::s3_fifo, capacity);
  const predict::link_figures link{125e6, nanos{static_cast<std::int64_t>(given.delay_ms * 1e6)}};
  const auto left = [&](std::uint64_t block) { mix.evicted_unused(block); };
  std::chrono::steady_clock::duration spent{};
  predict::mix_output out;
  std::vector<std::uint64_t> absent;
  for (auto one : accesses) {
    std::uint32_t missing = 0;
    for (auto block = one.where.first; block < one.where.end(); ++block)
      missing += !here.contains(block);
    absent.clear();
    for (auto block = one.where.first; block < one.where.end(); ++block)
      if (here.contains(block))
        one.first_use_blocks += here.touch(block);
      else
        absent.push_back(block);
    one.how = missing > 0 ? outcome::miss : outcome::hit;
    ++seen.requests;
    seen.requests_missed += missing > 0;
    seen.touches += one.where.count;
    seen.misses += missing;
    seen.used += one.first_use_blocks;

    out.fetch.clear();
    out.keep.clear();
    const auto start = std::chrono::steady_clock::now();
    mix.observe(one, !given.fill, here, link, out);
    spent += std::chrono::steady_clock::now() - start;
    for (const auto block : absent)
      here.admit(block, cache::admit_kind::demand, left);
    for (const auto block : out.keep)
      here.keep(block);
    for (const auto& what : out.fetch)
      for (auto block = what.where.first; block < what.where.end(); ++block)
        if (here.absent(block)) {
          here.admit(block, cache::admit_kind::prefetch, left);
          ++seen.prefetched;
        }
  }
  seen.microseconds =
      std::chrono::duration<double, std::micro>(spent).count() / static_cast<double>(seen.touches);
  return seen;
}

int usage() {
  fmt::print(
      stderr,
      "usage: mix_sim TRACE.csv.gz [--cache SHARE] [--cap TRAFFIC] [--threshold P] [--gap-ms MS]\n"
      "               [--delay-ms MS] [--volumes N] [--no-fill] [--reads] [--drift-bound N] [--bins]\n");
  return 2;
}

} // namespace

int main(int argc, char** argv) {
  options given;
  for (int at = 1; at < argc; ++at) {
    const std::string_view word = argv[at];
    const auto number = [&] { return at + 1 < argc ? std::atof(argv[++at]) : 0.0; };
    if (word == "--cache")
      given.cache = number();
    else if (word == "--cap")
      given.mix.budget.traffic_max = static_cast<float>(number());
    else if (word == "--threshold")
      given.mix.budget.threshold = static_cast<float>(number());
    else if (word == "--gap-ms")
      given.gap_ms = number();
    else if (word == "--delay-ms")
      given.delay_ms = number();
    else if (word == "--volumes")
      given.volumes = static_cast<std::size_t>(number());
    else if (word == "--no-fill")
      given.fill = false;
    else if (word == "--drift-bound")
      given.mix.drift_bound = static_cast<float>(number());
    else if (word == "--bins")
      given.bins = true;
    else if (word == "--reads")
      given.reads_only = true;
    else if (given.trace.empty() && word[0] != '-')
      given.trace = word;
    else
      return usage();
  }
  if (given.trace.empty())
    return usage();
  const auto loaded = replay::load_trace(given.trace);
  if (!loaded) {
    fmt::print(stderr, "{}: {}\n", given.trace, to_string(loaded.error()));
    return 1;
  }
  // Traces without times have the number of the request in place of it.
  if (given.trace.find("_ord") != std::string::npos && given.gap_ms == 0)
    given.gap_ms = 1000;
  const auto accesses = accesses_of(loaded.value(), given);
  absl::flat_hash_set<std::uint64_t> distinct;
  for (const auto& one : accesses)
    for (auto block = one.where.first; block < one.where.end(); ++block)
      distinct.insert(block);
  const auto capacity =
      std::max<std::size_t>(16, static_cast<std::size_t>(static_cast<double>(distinct.size()) * given.cache));
  given.mix.cache_blocks = capacity;
  const auto lru = plain(accesses, cache::policy_kind::lru, capacity);
  const auto alone = plain(accesses, cache::policy_kind::s3_fifo, capacity);
  given.mix.scores_memory = 0;
  predict::mix mix(given.mix);
  const auto mixed = with_mix(accesses, capacity, given, mix);
  const auto share = [](auto part, auto whole) {
    return static_cast<double>(part) / static_cast<double>(whole);
  };
  const auto memory = mix.figures();
  const auto scores = mix.scores().together;
  const auto name = given.trace.substr(given.trace.rfind('/') + 1);
  fmt::print("{:26} LRU {:.3f} S3 {:.3f} | miss {:.3f} (req {:.3f}) precision {:.2f} traffic {:.3f} (of S3 "
             "{:.3f}) | "
             "{:.2f} us/block, {:.1f} MiB, fill {}/{}{} | ECE {:.3f} of {}, moved {:.3f}, drifts {}\n",
             name.substr(0, name.find('.')), share(lru.misses, lru.touches),
             share(alone.misses, alone.touches), share(mixed.misses, mixed.touches),
             share(mixed.requests_missed, mixed.requests),
             mixed.prefetched ? share(mixed.used, mixed.prefetched) : 1.0,
             share(mixed.misses + mixed.prefetched, lru.misses),
             share(mixed.misses + mixed.prefetched, alone.misses), mixed.microseconds,
             share(memory.memory_bytes, 1u << 20), memory.fill.own_used_blocks, memory.fill.own_asked_blocks,
             memory.fill.silent ? " silent" : "", scores.all.calibration_error(), scores.all.count(),
             scores.moved.calibration_error(), memory.drifts);
  if (given.bins)
    for (const auto& one : scores.all.bins())
      if (one.count > 0)
        fmt::print("  said {:.3f} was {:.3f} of {:.0f}\n", one.said / one.count, one.used / one.count,
                   one.count);
}
