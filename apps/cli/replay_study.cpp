#include "apps/cli/replay_study.hpp"
#include "runtime/study/leap.hpp"
#include "runtime/study/mithril.hpp"
#include "runtime/study/ours.hpp"
#include "runtime/study/perfect.hpp"
#include "runtime/study/readahead.hpp"
#include "runtime/study/successor.hpp"
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fmt/format.h>
#include <mutex>
#include <thread>

namespace forerun::cli {
namespace {

using steady = std::chrono::steady_clock;

constexpr std::chrono::seconds progress_every{2};
constexpr unsigned threads_max = 16;

/// Reads a spool from its beginning to its end.
template <class T> class spool_reader {
public:
  explicit spool_reader(const spool<T>& from) : from_(from) {}

  /// False at the end.
  result<bool> next(T& one) {
    if (at_ == piece_.size()) {
      const auto count = std::min<std::uint64_t>(limit_ - read_, spool<T>::piece);
      piece_.resize(count);
      at_ = 0;
      if (count == 0)
        return false;
      if (auto got = from_.read(read_, piece_); !got)
        return got.error();
      read_ += count;
    }
    one = piece_[at_++];
    return true;
  }
  void limit(std::uint64_t size) { limit_ = size; }

private:
  const spool<T>& from_;
  std::vector<T> piece_;
  std::size_t at_ = 0;
  std::uint64_t read_ = 0;
  std::uint64_t limit_ = from_.size();
};

/// Measures how long another prefetcher takes.
class timed_prefetcher final : public study::prefetcher {
public:
  timed_prefetcher(std::unique_ptr<prefetcher> inner, nanos& taken)
      : inner_(std::move(inner)), taken_(taken) {}

  void observe(const access& seen, const residency& here, const predict::link_figures& link,
               study::wishes& out) override {
    const auto started = steady::now();
    inner_->observe(seen, here, link, out);
    taken_ += steady::now() - started;
  }
  void evicted_unused(std::uint64_t block) override {
    const auto started = steady::now();
    inner_->evicted_unused(block);
    taken_ += steady::now() - started;
  }

private:
  std::unique_ptr<prefetcher> inner_;
  nanos& taken_;
};

/// Plays one job.
class player {
public:
  player(const study_plan& plan, study_job& job, std::atomic<std::uint64_t>& played)
      : plan_(plan), job_(job), played_(played) {}

  result<void> run() {
    const auto started = steady::now();
    auto eviction = make_eviction();
    auto ahead = make_prefetcher();
    if (ahead != nullptr)
      ahead = std::make_unique<timed_prefetcher>(std::move(ahead), job_.predicting);
    else
      ahead = std::make_unique<study::no_prefetch>();
    if (auto trained = train(); !trained)
      return trained;
    study::machine machine({.capacity = job_.capacity,
                            .origin = plan_.origin,
                            .requests = plan_.trace->requests->size(),
                            .named = is_limit(job_.policy) ? study::all_named : plan_.named},
                           std::move(eviction), std::move(ahead), limit_);
    if (auto played = play(machine); !played)
      return played;
    job_.seen = machine.end();
    if (ours_ != nullptr) {
      job_.seen.proposed = ours_->proposed();
      job_.model_bytes = ours_->memory_bytes();
    }
    job_.seconds = std::chrono::duration<double>(steady::now() - started).count();
    return success();
  }

private:
  std::unique_ptr<cache::policy> make_eviction() {
    if (is_limit(job_.policy)) {
      auto made = std::make_unique<study::belady>();
      limit_ = made.get();
      return made;
    }
    const auto alone = cache::policy_named(job_.policy);
    return cache::make_policy(alone ? alone.value() : cache::policy_kind::s3_fifo, job_.capacity);
  }

  /// Null for policies that are only eviction.
  std::unique_ptr<study::prefetcher> make_prefetcher() {
    const auto& name = job_.policy;
    if (name == "readahead")
      return std::make_unique<study::readahead>();
    if (name == "streams")
      return std::make_unique<study::stream_detector>();
    if (name == "leap")
      return std::make_unique<study::leap>();
    if (name == "mithril")
      return std::make_unique<study::mithril>();
    if (name == "successor")
      return std::make_unique<study::last_successor>();
    if (name == "forerun") {
      predict::mix_limits limits;
      if (plan_.trace->keys)
        limits.elements = element_kind::key;
      limits.cache_blocks = job_.capacity;
      limits.scores_memory = 0;
      limits.budget.traffic_max = plan_.traffic_max;
      auto made = std::make_unique<study::ours>(limits);
      ours_ = made.get();
      return made;
    }
    if (name == "perfect") {
      auto made = std::make_unique<study::perfect>(*limit_, job_.capacity);
      perfect_ = made.get();
      return made;
    }
    return nullptr;
  }

  result<void> train() {
    if (ours_ == nullptr)
      return success();
    for (const auto* run : plan_.train) {
      spool_reader rows(*run->requests);
      study::request row;
      access seen;
      seen.how = outcome::miss;
      seen.arrived = instant{std::chrono::hours{1}};
      while (true) {
        const auto more = rows.next(row);
        if (!more)
          return more.error();
        if (!more.value())
          break;
        seen.think = nanos{run->timed && nanos{row.gap_ns} > study::think_min ? row.gap_ns : 0};
        seen.arrived += seen.think;
        seen.where = {row.first, row.count};
        ours_->train(seen);
      }
      ours_->trained();
    }
    return success();
  }

  std::size_t requests_ahead() const {
    return plan_.origin.timed
               ? study::perfect::requests_max / 4
               : std::min<std::size_t>(plan_.origin.delay_requests + 1, study::perfect::requests_max);
  }

  result<void> play(study::machine& machine) {
    spool_reader rows(*plan_.trace->requests);
    spool_reader ahead(*plan_.trace->requests);
    std::optional<spool_reader<std::uint32_t>> uses;
    if (limit_ != nullptr) {
      uses.emplace(*plan_.trace->next_uses);
      uses->limit(plan_.trace->touches);
    }
    std::uint64_t told_ahead = 0;
    std::vector<std::uint64_t> next;
    study::request row;
    for (std::uint64_t number = 0;; ++number) {
      while (perfect_ != nullptr && told_ahead <= number + requests_ahead()) {
        const auto more = ahead.next(row);
        if (!more)
          return more.error();
        if (!more.value())
          break;
        perfect_->coming(row, told_ahead++);
      }
      const auto more = rows.next(row);
      if (!more)
        return more.error();
      if (!more.value())
        return success();
      next.resize(uses ? row.count : 0);
      for (auto& each : next) {
        std::uint32_t later = 0;
        if (const auto got = uses->next(later); !got)
          return got.error();
        each = later == 0 ? study::never : number + later;
      }
      machine.take(row, next);
      played_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  const study_plan& plan_;
  study_job& job_;
  std::atomic<std::uint64_t>& played_;
  study::belady* limit_ = nullptr;
  study::ours* ours_ = nullptr;
  study::perfect* perfect_ = nullptr;
};

} // namespace

const std::vector<std::string>& study_policies() {
  static const std::vector<std::string> all = {"lru",     "lfu",       "s3-fifo", "arc",
                                               "belady",  "readahead", "streams", "leap",
                                               "mithril", "successor", "forerun", "perfect"};
  return all;
}

bool is_limit(std::string_view policy) {
  return policy == "belady" || policy == "perfect";
}

result<void> run_study(const study_plan& plan, std::vector<study_job>& jobs, std::ostream* progress) {
  std::atomic<std::uint64_t> played{0};
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::size_t running = 0;
  std::mutex guard;
  std::condition_variable ended;
  const auto work = [&] {
    for (auto at = next++; at < jobs.size() && !failed; at = next++)
      if (!player(plan, jobs[at], played).run())
        failed = true;
    const std::scoped_lock lock(guard);
    --running;
    ended.notify_one();
  };
  running =
      std::min<std::size_t>({std::max(1u, std::thread::hardware_concurrency()), threads_max, jobs.size()});
  {
    std::vector<std::jthread> threads;
    for (auto count = running; count > 0; --count)
      threads.emplace_back(work);
    const auto all = plan.trace->requests->size() * jobs.size();
    std::unique_lock lock(guard);
    while (!ended.wait_for(lock, progress_every, [&] { return running == 0; }))
      if (progress != nullptr)
        *progress << fmt::format("played {:.0f} % of {} simulations\n",
                                 100 * study::share(played.load(), all), jobs.size());
  }
  return failed ? result<void>(errc::io_failed) : result<void>(success());
}

} // namespace forerun::cli
